"""From a result to the files of another tool."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overseg.errors import SettingsError
from overseg.interchange.destination import is_file_name, written
from overseg.interchange.filters import Cut, Filters
from overseg.interchange.formats import Format, format_named
from overseg.interchange.pictures import HOW, Pictures
from overseg.interchange.relabel import Labels, labels_of, read_labels
from overseg.interchange.selection import Selection
from overseg.store.flattened import Loss
from overseg.store.result import Result


@dataclass(frozen=True)
class Exported:
    """The result of `export`.

    Attributes:
        n_frames, n_objects: how many.
        loss: what was lost where masks were laid over each other; None where they keep their overlap.
    """

    n_frames: int
    n_objects: int
    loss: Loss | None


def export(
    result: Result,
    destination: str | Path,
    *,
    format: str,
    filters: Filters | None = None,
    labels: str | Path | Mapping[Any, Any] | None = None,
    flat: Cut | None = None,
    frames: str | None = None,
    video: str | Path | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a result for another tool; `docs/formats.md` lists what each format holds.

    Example:
        >>> export(overseg.open("cup.zarr"), "cup.json", format="coco")  # doctest: +SKIP

    Args:
        result: where the masks are.
        destination: a folder, or a file where the format is one file and the name has its suffix. It gets this name
            when it is complete.
        format: name of a format.
        filters: which tracks and frames; None for all.
        labels: a CSV file of numbers and categories, see `read_labels`; or the category of each track to export.
        flat: for a format without overlap, where to cut the tree of tracks; None keeps as much as it can hold.
        frames: "link", "copy" or "none": how to write the frames; None writes them where the tool needs them.
        video: where the input is now, if it was moved since the run.
        overwrite: replace an older export.

    Raises:
        SettingsError: an option has a wrong value, or does not fit the format.
        InputError: the labels are wrong, the frames are missing, or the destination cannot be written.
    """
    chosen, destination = format_named(format), Path(destination)
    pictures = Pictures(result, Path(video) if video is not None else None)
    how = _how(chosen, frames, pictures, destination)
    selection = Selection(
        result,
        filters or Filters(),
        labels=None if labels is None else _labels(labels, len(result.tracks)),
        flat=_cut(chosen, format, flat),
    )
    _check_number(chosen, format, selection)
    names = chosen.picture_names(selection, pictures)
    with written(destination, overwrite=overwrite) as folder:
        chosen.write(selection, names, folder)
        if how != "none":
            pictures.write(folder, dict(zip(selection.frames, names, strict=True)), how=how)
    return Exported(len(selection), len(selection.objects), selection.loss())


def _labels(labels: str | Path | Mapping[Any, Any], n_tracks: int) -> Labels:
    return labels_of(labels, n_tracks) if isinstance(labels, Mapping) else read_labels(Path(labels), n_tracks)


def _how(chosen: Format, frames: str | None, pictures: Pictures, destination: Path) -> str:
    if frames not in (None, *HOW):
        raise SettingsError(f"--frames is one of {', '.join(HOW)}, not {frames!r}")
    if is_file_name(destination):
        if chosen.file is None or Path(chosen.file).suffix != destination.suffix.lower():
            raise SettingsError(f"{destination}: this format is not one such file, but a folder: name one")
        if frames not in (None, "none") or chosen.needs_pictures:
            raise SettingsError(f"{destination} is one file, with no place for frames: name a folder")
    if frames is None:
        frames = pictures.best_way() if chosen.needs_pictures else "none"
    return frames


def _cut(chosen: Format, name: str, flat: Cut | None) -> Cut | None:
    if chosen.overlapping:
        if flat is not None:
            raise SettingsError(f"--flatten is for formats without overlap; {name} holds all masks: leave it out")
        return None
    flat = flat or Cut()
    if chosen.max_objects is None or flat.depth is not None:
        return flat
    return Cut(n_tracks=min(flat.n_tracks or chosen.max_objects, chosen.max_objects))


def _check_number(chosen: Format, name: str, selection: Selection) -> None:
    if chosen.max_objects is not None and len(selection.objects) > chosen.max_objects:
        advice = "leave some out" if chosen.overlapping else f"cut them with --flatten tracks={chosen.max_objects}"
        raise SettingsError(
            f"{name} holds at most {chosen.max_objects} objects, and there are {len(selection.objects)}: {advice}"
        )

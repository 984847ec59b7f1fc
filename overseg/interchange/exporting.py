"""From a result to the files of another tool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overseg.data.filters import Cut, Filters
from overseg.errors import InputError, SettingsError, did_you_mean
from overseg.files.destination import is_file_name, written
from overseg.interchange.formats import FORMATS, Format, format_named
from overseg.interchange.relabel import Labels, labels_of, read_labels
from overseg.interchange.selection import Selection
from overseg.interchange.shaping import Shaping
from overseg.output.input_video import source_size_of
from overseg.output.pictures import HOW, Pictures
from overseg.store.flattened import Loss
from overseg.store.result import Result

_VAL = 0.2  # share of the frames for validation, where a format has a split and nobody says
SIZES = ("source", "processed")


@dataclass(frozen=True)
class Exported:
    """The result of `export`.

    Attributes:
        n_frames, n_objects: how many.
        loss: what was lost where masks were laid over each other; None where they keep their overlap.
        n_dropped: how many pieces of masks were too small for a polygon.
    """

    n_frames: int
    n_objects: int
    loss: Loss | None
    n_dropped: int = 0


def export(
    result: Result | Sequence[Result],
    destination: str | Path,
    *,
    format: str,
    filters: Filters | None = None,
    labels: str | Path | Mapping[Any, Any] | None = None,
    flat: Cut | None = None,
    polygons: Shaping | None = None,
    val: float | None = None,
    frames: str | None = None,
    size: str = "source",
    video: str | Path | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a result for another tool; `docs/formats.md` lists what each format holds.

    Example:
        >>> export(overseg.open("cup.zarr"), "cup.json", format="coco")  # doctest: +SKIP

    Args:
        result: where the masks are; of several, one data set is made, in formats that hold several videos.
        destination: a folder, or a file where the format is one file and the name has its suffix. It gets this name
            when it is complete.
        format: name of a format.
        filters: which tracks and frames; None for all.
        labels: a CSV file of numbers, names and categories, see `read_labels`; or the category of each track to export.
        flat: for a format without overlap, where to cut the tree of tracks; None keeps as much as it can hold.
        polygons: how masks become polygons, and that they do where a format holds both; None for the format's own way.
        val: share of the frames that are for validation, where a format has a split; None for the format's own.
        frames: "link", "copy" or "none": how to write the frames; None writes them where the tool needs them.
        size: "source" for masks and frames in the size of the input; "processed" for that of the run, if it shrank
            frames.
        video: where the input is now, if it was moved since the run.
        overwrite: replace an older export.

    Raises:
        SettingsError: an option has a wrong value, or does not fit the format.
        InputError: the labels are wrong, the frames are missing, or the destination cannot be written.
    """
    chosen, destination = format_named(format), Path(destination)
    results = [result] if isinstance(result, Result) else list(result)
    if size not in SIZES:
        raise SettingsError(f"--size is one of {', '.join(SIZES)}, not {size!r}{did_you_mean(size, SIZES)}")
    _check_several(chosen, format, results, labels=labels, video=video)
    where = Path(video) if video is not None else None
    pictures = [Pictures(one, where, shrunk=size == "processed") for one in results]
    how = _how(chosen, frames, pictures, destination)
    selections = [
        Selection(
            one,
            filters or Filters(),
            labels=None if labels is None else _labels(labels, one),
            flat=_cut(chosen, format, flat),
            size=_source_size(one, where) if size == "source" else None,
            shaping=_shaping(chosen, format, polygons),
            val=_val(chosen, format, val, destination),
            flat_by_writer=chosen.flat_by_writer,
            name=name,
        )
        for one, name in zip(results, _names(results), strict=True)
    ]
    _use_common_categories(selections)
    for selection in selections:
        _check_number(chosen, format, selection)
    is_shared = len(results) > 1 and "{name}" not in chosen.pictures
    names = [
        chosen.picture_names(selection, files, prefix=f"{selection.name}_" if is_shared else "")
        for selection, files in zip(selections, pictures, strict=True)
    ]
    with written(destination, overwrite=overwrite) as folder:
        chosen.write(selections, names, folder)
        for selection, files, called in zip(selections, pictures, names, strict=True):
            if how != "none":
                files.write(folder, dict(zip(selection.frames, called, strict=True)), how=how)
    return Exported(
        sum(map(len, selections)),
        sum(len(selection.objects) for selection in selections),
        selections[0].loss() if len(selections) == 1 else None,
        sum(selection.n_dropped for selection in selections),
    )


def _labels(labels: str | Path | Mapping[Any, Any], result: Result) -> Labels:
    n_tracks = len(result.tracks)
    if isinstance(labels, Mapping):
        return labels_of(labels, n_tracks)
    return read_labels(Path(labels), n_tracks, result.names)


def _check_several(chosen: Format, format: str, results: list[Result], *, labels: object, video: object) -> None:
    """Refuse with SettingsError several stores where one is meant."""
    if not results:
        raise SettingsError("expected a store to export, got none")
    if len(results) == 1:
        return
    if not chosen.several:
        known = ", ".join(name for name, one in FORMATS.items() if one.several)
        raise SettingsError(f"{format} holds one video, and {len(results)} stores are given; several fit into {known}")
    for option, value in (("--labels", labels), ("--video", video)):
        if value is not None:
            raise SettingsError(f"{option} is of one store, and {len(results)} are given: export them one by one")


def _names(results: list[Result]) -> list[str | None]:
    """What the videos of several stores are called: like the stores, where two videos have one name."""
    names = [one.info.name for one in results]
    if len(set(names)) == len(names):
        return [None] * len(results)
    stems = [Path(one.path).stem for one in results]
    if len(set(stems)) < len(stems):
        raise SettingsError(f"two of the stores are of one name and one video: {', '.join(stems)}; rename one")
    return list(stems)


def _use_common_categories(selections: list[Selection]) -> None:
    if len(selections) > 1:
        categories = tuple(dict.fromkeys(name for selection in selections for name in selection.categories))
        for selection in selections:
            selection.use_categories(categories)


def _shaping(chosen: Format, format: str, polygons: Shaping | None) -> Shaping | None:
    if polygons is not None and chosen.has_polygons == "never":
        known = ", ".join(name for name, one in FORMATS.items() if one.has_polygons != "never")
        raise SettingsError(f"{format} has no polygons: they are for {known}")
    return Shaping() if polygons is None and chosen.has_polygons == "always" else polygons


def _val(chosen: Format, format: str, val: float | None, destination: Path) -> float:
    if val is None:
        return _VAL if chosen.has_split == "always" else 0.0
    if chosen.has_split == "never":
        known = ", ".join(name for name, one in FORMATS.items() if one.has_split != "never")
        raise SettingsError(f"{format} has no split for validation: --val is for {known}")
    if not 0 <= val < 1:
        raise SettingsError(f"--val takes a share of the frames from 0 to less than 1, not {val:g}")
    if val and is_file_name(destination):
        raise SettingsError(f"{destination}: --val needs a file for training and one for validation: name a folder")
    return val


def _source_size(result: Result, video: Path | None) -> tuple[int, int]:
    try:
        return source_size_of(result, video)
    except InputError as e:
        raise InputError(f"{e}; or export masks in the size of the run with --size processed") from e


def _how(chosen: Format, frames: str | None, pictures: list[Pictures], destination: Path) -> str:
    if frames not in (None, *HOW):
        raise SettingsError(f"--frames is one of {', '.join(HOW)}, not {frames!r}{did_you_mean(frames, HOW)}")
    if is_file_name(destination):
        if chosen.file is None or Path(chosen.file).suffix != destination.suffix.lower():
            raise SettingsError(f"{destination}: this format is not one such file, but a folder: name one")
        if frames not in (None, "none") or chosen.needs_pictures:
            raise SettingsError(f"{destination} is one file, with no place for frames: name a folder")
    if frames is None:
        ways = {one.best_way() for one in pictures}
        frames = ("link" if ways == {"link"} else "copy") if chosen.needs_pictures else "none"
    return frames


def _cut(chosen: Format, name: str, flat: Cut | None) -> Cut | None:
    if chosen.overlapping and not (chosen.may_flatten and flat is not None):
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

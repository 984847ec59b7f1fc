"""Results: `overseg.open`, and the way to other tools and back, `overseg.export` and `overseg.import_masks`."""

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

if TYPE_CHECKING:
    from overseg.interchange.exporting import Exported
    from overseg.stages import Report
    from overseg.store.result import Result


def open(path: str | Path) -> "Result":
    """The result in a store, read lazily.

    Raises:
        StoreError: there is no store, or it holds no result yet.
    """
    from overseg.store.result import open_result

    return open_result(path)


class FilterChanges(TypedDict, total=False):
    """The fields of `overseg.interchange.filters.Filters` that differ from their defaults; see there."""

    min_length: int
    min_area_px: float
    min_score: float
    sam_output: str | None
    start: int
    end: int | None
    ids: tuple[int, ...] | None
    new_only: bool


def export(
    store: "str | Path | Result",
    destination: str | Path,
    *,
    format: str,
    labels: str | Path | None = None,
    flatten: str | None = None,
    frames: str | None = None,
    video: str | Path | None = None,
    overwrite: bool = False,
    **filters: Unpack[FilterChanges],
) -> "Exported":
    """Write masks and tracks for another tool; what `overseg export` does.

    Example:
        >>> overseg.export("cup.zarr", "cup_davis", format="davis", flatten="depth=1").loss  # doctest: +SKIP

    Args:
        store: a store, or the result in it.
        destination: what is written: a folder, or a file where the format is one.
        format: name of a format; `docs/formats.md` lists them.
        labels: a CSV file with the columns track, id and category.
        flatten: "depth=N" or "tracks=N", where a format takes no overlap.
        frames: "link", "copy" or "none"; None for what the tool needs.
        video: where the input is now, if it was moved since the run.
        overwrite: replace an older export.
        filters: which tracks and frames.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.interchange.exporting import export as write
    from overseg.interchange.filters import Cut, Filters

    return write(
        open(store) if isinstance(store, str | Path) else store,
        destination,
        format=format,
        filters=Filters(**filters),
        labels=labels,
        flat=None if flatten is None else Cut.parse(flatten),
        frames=frames,
        video=video,
        overwrite=overwrite,
    )


def import_masks(
    source: str | Path,
    output: str | Path,
    *,
    format: str,
    video: str | Path | None = None,
    video_name: str | None = None,
    overwrite: bool = False,
    report: "Report | None" = None,
) -> "Result":
    """Make a store of another tool's masks; what `overseg import` does.

    Args:
        source: the file, or the folder.
        output: the store to write.
        format: name of a format; `docs/formats.md` lists them.
        video: the video or folder of images that the masks are of.
        video_name: which video to read, where the source holds several; None for the one called like `video`.
        overwrite: replace an older store.
        report: gets a remark about what could not be read as a mask.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.interchange.importing import import_masks as read

    return read(source, output, format=format, video=video, video_name=video_name, overwrite=overwrite, report=report)

"""Results: `overseg.open`, and the way to other tools and back, `overseg.export` and `overseg.import_masks`."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from overseg.api.arguments import checked_arguments
from overseg.api.filters import FilterChanges, filters_of

if TYPE_CHECKING:
    import numpy as np

    from overseg.api.result import Result as OpenedResult
    from overseg.interchange.exporting import Exported
    from overseg.interchange.shaping import Shaping
    from overseg.stages import Report
    from overseg.store.result import Result


@checked_arguments
def open(
    path: str | Path, *, video: "str | Path | Iterable[np.ndarray] | None" = None, as_found: bool = False
) -> "OpenedResult":
    """The result in a store with a person's edits, read lazily. A warning names edits that could not be used.

    Example:
        >>> result = overseg.open("cup.zarr")  # doctest: +SKIP
        >>> print(result)  # six lines; in a notebook `result` shows pictures, too  # doctest: +SKIP
        >>> print(result.masks_at(0))  # a table of the first masks  # doctest: +SKIP

    Args:
        path: the store's path, or its address such as `s3://bucket/cup.zarr`.
        video: where the input is now, if it was moved since the run, or its frames as arrays; only pictures need it.
        as_found: without the edits, as the run made it.

    Raises:
        StoreError: there is no store, it holds no result yet, or the edits beside it cannot be read.
    """
    from overseg.api.result import Result
    from overseg.edits.reading import edited, remarks_of
    from overseg.output.frame_grid import InputPictures
    from overseg.store.result import open_result_as

    result = open_result_as(Result, path, pictures=InputPictures(video))
    result = result if as_found else edited(result)
    for remark in remarks_of(result):
        warnings.warn(remark, stacklevel=2)
    return result


def opened(store: "str | Path | Result") -> "Result":
    """The result in a store, or the one that is given."""
    return open(store) if isinstance(store, str | Path) else store


@checked_arguments
def export(
    store: "str | Path | Result | Sequence[str | Path | Result]",
    destination: str | Path,
    *,
    format: str,
    labels: str | Path | Mapping[int, str] | None = None,
    flatten: str | None = None,
    polygons: "Shaping | None" = None,
    val: float | None = None,
    frames: str | None = None,
    size: str = "source",
    video: str | Path | None = None,
    overwrite: bool = False,
    **filters: Unpack[FilterChanges],
) -> "Exported":
    """Write masks and tracks for another tool; what `overseg export` does.

    Example:
        >>> overseg.export("cup.zarr", "cup_coco", format="coco", labels={7: "cup"})  # doctest: +SKIP
        >>> overseg.export("cup.zarr", "cup_davis", format="davis", flatten="depth=1").loss  # doctest: +SKIP

    Args:
        store: a store, or the result in it; of several, one data set is made.
        destination: what is written: a folder, or a file where the format is one.
        format: name of a format; `docs/formats.md` lists them.
        labels: the category of each track that is exported, by its number; or a CSV file with the column track, and id,
            name, category or drop. Other tracks are left out, unless there is a column drop. None exports all of them.
        flatten: "depth=N", "tracks=N" or "all", where a format takes no overlap, and for npz and id-maps.
        polygons: how masks become polygons, for yolo-seg, and for coco in place of run lengths.
        val: share of the frames that are for validation, for yolo-seg and coco.
        frames: "link", "copy" or "none"; None for what the tool needs.
        size: "source" or "processed": masks and frames in the size of the input, or of the run.
        video: where the input is now, if it was moved since the run.
        overwrite: replace an older export.
        filters: which tracks and frames.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.data.filters import Cut
    from overseg.interchange.exporting import export as write
    from overseg.interchange.formats import format_named

    format_named(format)  # before the store is opened
    stores = [store] if isinstance(store, str | Path) or not isinstance(store, Sequence) else store
    return write(
        list(map(opened, stores)),
        destination,
        format=format,
        filters=filters_of(dict(filters)),
        labels=labels,
        flat=None if flatten is None else Cut.parse(flatten),
        polygons=polygons,
        val=val,
        frames=frames,
        size=size,
        video=video,
        overwrite=overwrite,
    )


@checked_arguments
def import_masks(
    source: str | Path,
    output: str | Path,
    *,
    format: str,
    video: str | Path | None = None,
    video_name: str | None = None,
    start: int = 0,
    end: int | None = None,
    stride: int = 1,
    resize: int | None = None,
    first_number: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
    report: "Report | None" = None,
) -> "Result":
    """Make a store of another tool's masks; what `overseg import` does.

    Example:
        >>> overseg.import_masks("annotations.json", "cup.zarr", format="coco", video="cup.mp4")  # doctest: +SKIP

    Args:
        source: the file, or the folder.
        output: the store to write.
        format: name of a format; `docs/formats.md` lists them.
        video: the video or folder of images that the masks are of.
        video_name: which video to read, where the source holds several; None for the one called like `video`.
        start, end, stride, resize: which frames the store has, and their size; as in `overseg.run`.
        first_number: the number that names and the file give the first frame; None to find out.
        strict: refuse a source of which something would be left out.
        overwrite: replace an older store.
        report: gets a remark about what could not be read as a mask; None for a line on the terminal.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.api.shared import reporting
    from overseg.interchange.importing import import_masks as read

    with reporting(report) as told:
        read(
            source,
            output,
            format=format,
            video=video,
            video_name=video_name,
            start=start,
            end=end,
            stride=stride,
            resize=resize,
            first_number=first_number,
            strict=strict,
            overwrite=overwrite,
            report=told,
        )
    return open(output)

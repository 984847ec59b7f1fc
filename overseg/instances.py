"""The way from Python to tracks of masks that were found frame by frame: `overseg.associate_masks`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overseg.interchange.associating import Associated


def associate_masks(
    source: str | Path,
    output: str | Path,
    *,
    method: str = "iou",
    min_iou: float = 0.3,
    max_distance_px: float = 50.0,
    max_gap: int = 3,
    video: str | Path | None = None,
    overwrite: bool = False,
) -> "Associated":
    """Make tracks of masks that were found on each frame by itself; what `overseg associate` does.

    Args:
        source: a folder with the masks of each frame, or a COCO file.
        output: a store that ends in .zarr, a file that ends in .json or .csv, or a folder for both and maps of numbers.
        method: "iou" or "hungarian".
        min_iou: masks that overlap less, in (0, 1], are not one track.
        max_gap: on how many frames in a row a track may have no mask and still go on.
        video: for a store, the video or folder of images that the masks are of.
        overwrite: replace what has that name.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.interchange.associating import associate_masks as work

    return work(source, output, method=method, min_iou=min_iou, max_gap=max_gap, video=video, overwrite=overwrite)

"""Tracks of masks that were found on each frame alone: `overseg.associate`."""

from pathlib import Path
from typing import TYPE_CHECKING

from overseg.api.arguments import checked_arguments

if TYPE_CHECKING:
    from overseg.interchange.associating import Associated
    from overseg.stages import Report


@checked_arguments
def associate(
    masks: str | Path,
    output: str | Path,
    *,
    method: str = "iou",
    min_iou: float = 0.3,
    max_distance_px: float = 50.0,
    max_gap: int = 3,
    video: str | Path | None = None,
    first_number: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
    report: "Report | None" = None,
) -> "Associated":
    """Make tracks of masks that were found on each frame alone; what `overseg associate` does.

    Example:
        >>> overseg.associate("masks", "tracks.json", method="hungarian").n_tracks  # doctest: +SKIP
        12

    Args:
        masks: a folder with a PNG, a folder of PNGs, a JSON or an npz for each frame; or anything else that
            `overseg.import_masks` reads.
        output: a store (.zarr), a file (.json, .csv), or a folder for both files and for `id_maps`, 16-bit PNGs whose
            pixels are the number of a track plus 1, small masks on top, or 0.
        method: "iou", "hungarian" or "centroid".
        min_iou: masks that overlap less are not one track, 0 to 1.
        max_distance_px: with "centroid", masks whose centroids are farther apart are not one track.
        max_gap: number of frames on which a track may have no mask.
        video: for a store, the video or folder of images that the masks are of.
        first_number: the number that names and the file give the first frame; None to find out.
        strict: refuse a source of which something would be left out.
        overwrite: replace an older output.
        report: gets a remark about what could not be read as a mask; None for a line on the terminal.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.api.shared import reporting
    from overseg.interchange.associating import associate_masks

    with reporting(report) as told:
        return associate_masks(
            masks,
            output,
            method=method,
            min_iou=min_iou,
            max_distance_px=max_distance_px,
            max_gap=max_gap,
            video=video,
            first_number=first_number,
            strict=strict,
            overwrite=overwrite,
            report=told,
        )

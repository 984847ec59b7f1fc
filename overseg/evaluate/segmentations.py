"""A mask as JSON holds it: COCO's run lengths, compressed or not, or polygons."""

from typing import Any

from overseg.errors import InputError
from overseg.evaluate.frame_names import FrameNames
from overseg.evaluate.truth import no_mask
from overseg.interchange.json_input import as_counts


def read_segmentation(segmentation: Any, names: FrameNames, *, where: str) -> bytes:
    """COCO's compressed run lengths from {"size", "counts"} or from a list of polygons [x0, y0, x1, y1, …].

    Raises:
        InputError: it is neither, or of another size than the store's frames; `where` is named.
    """
    try:
        if isinstance(segmentation, dict):
            height, width = (int(px) for px in segmentation["size"])
            names.check_size(height, width, where=where)
        return as_counts(segmentation, names.size) if segmentation != [] else no_mask(names.size)
    except (KeyError, TypeError, ValueError) as e:
        raise InputError(
            f'expected a mask as {{"size": [height, width], "counts": run lengths}} or a list of polygons at {where}, '
            f"got something else ({type(e).__name__}: {' '.join(str(e).split())})"
        ) from e

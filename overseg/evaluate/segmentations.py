"""A mask as JSON holds it: COCO's run lengths, compressed or not, or polygons."""

from typing import Any

from pycocotools import mask as coco_mask

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.evaluate.frame_names import FrameNames
from overseg.generate.rle_text import to_counts


def read_segmentation(segmentation: Any, names: FrameNames, *, where: str) -> bytes:
    """COCO's compressed run lengths from {"size", "counts"} or from a list of polygons [x0, y0, x1, y1, …].

    Raises:
        InputError: it is neither, or of another size than the store's frames; `where` is named.
    """
    height, width = names.size
    try:
        if isinstance(segmentation, dict):
            h, w = (int(px) for px in segmentation["size"])
            names.check_size(h, w, where=where)
            return to_counts(segmentation["counts"], n_pixels=h * w, height=h)
        polygons = [[float(at) for at in polygon] for polygon in segmentation]
        if any(len(polygon) < 6 or len(polygon) % 2 for polygon in polygons):
            raise ValueError("a polygon of other than three or more pairs of coordinates")
        parts = coco_mask.frPyObjects(polygons, height, width) if polygons else []
        return Rles(names.size, tuple(part["counts"] for part in parts)).union().counts[0]
    except (KeyError, TypeError, ValueError) as e:
        raise InputError(
            f'expected a mask as {{"size": [height, width], "counts": run lengths}} or a list of polygons at {where}, '
            f"got something else ({type(e).__name__}: {' '.join(str(e).split())})"
        ) from e

"""One mask for each object of a picture."""

import numpy as np

from overseg.annotations.annotations import PictureMasks
from overseg.data.rles import Rles


def united(masks: PictureMasks) -> PictureMasks:
    """The same with the union of each object's masks, with the columns of its first one, and without empty ones."""
    kept = np.flatnonzero(masks.rles.area_px() > 0)
    rles, objects = masks.rles.take(kept), masks.object[kept]
    order = np.argsort(objects, kind="stable")
    starts = np.flatnonzero(np.diff(objects[order], prepend=-1))
    groups = np.split(order, starts[1:]) if len(order) else []
    if len(groups) == len(kept):
        first = np.arange(len(kept))
    else:
        first = np.array(sorted(int(group[0]) for group in groups), np.int64)
        by_first = {int(group[0]): group for group in groups}
        rles = Rles.concatenate(masks.rles.size, (rles.take(by_first[row]).union() for row in first.tolist()))
    columns = {name: column[kept][first] for name, column in masks.columns.items()}
    return PictureMasks(rles, objects[first], columns, void=masks.void, annotated=masks.annotated)

"""Rows of visits: a keyframe's own, those of the frontier, and rows under the names of the regions that they match."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int8, Int64

from overseg.data.masks import Masks, Source
from overseg.data.visit import Visit


def matched_before(before: Masks, region_from: Int64[np.ndarray, " k"], region_to: Int64[np.ndarray, " k"]) -> Masks:
    """Masks of an earlier keyframe; those of regions that match one of the next keyframe under that region's name."""
    name = dict(zip(region_from.tolist(), region_to.tolist(), strict=True))
    return replace(before, region=np.array([name.get(one, one) for one in before.region.tolist()], np.int64))


def made_there(masks: Masks, regions: Int64[np.ndarray, " p"]) -> Masks:
    """The masks of these regions that were made on the masks' keyframe."""
    return masks.take((masks.source == Source.KEYFRAME) & np.isin(masks.region, regions))


def keyframe_rows(masks: Masks, keyframe: int) -> Masks:
    return masks.take((masks.frame == keyframe) & (masks.source == Source.KEYFRAME))


def with_frontier(own: Masks, before: Visit | None) -> tuple[Masks, Int8[np.ndarray, " p"]]:
    """A keyframe's own masks, then those of an earlier visit's frontier there; and how many keyframes each missed."""
    own_missed = np.zeros(len(own), np.int8)
    if before is None or not len(before.frontier):
        return own, own_missed
    at_end = np.flatnonzero((before.masks.frame == before.key.to_frame) & (before.masks.source != Source.KEYFRAME))
    row_of = dict(zip(before.masks.region[at_end].tolist(), at_end.tolist(), strict=True))
    frontier = before.masks.take(np.array([row_of[region] for region in before.frontier.region.tolist()]))
    return Masks.concatenate([own, frontier]), np.concatenate([own_missed, before.frontier.missed])


def per_region(
    wanted: Int64[np.ndarray, " a"], region: Int64[np.ndarray, " p"], value: Int8[np.ndarray, " p"]
) -> Int8[np.ndarray, " a"]:
    """The values of the wanted regions; value[i] belongs to region[i]."""
    value_of = dict(zip(region.tolist(), value.tolist(), strict=True))
    return np.array([value_of[one] for one in wanted.tolist()], dtype=np.int8)


def with_rows(visit: Visit, more: Masks) -> Visit:
    """The visit with more rows; all are in the store's order, by frame and region."""
    rows = Masks.concatenate([visit.masks, more])
    return replace(visit, masks=rows.take(np.lexsort((rows.region, rows.frame))))

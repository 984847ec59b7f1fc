"""The frontier: masks that are propagated on past a keyframe, and their order."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int8, Int64

from overseg.data.masks import Masks, Source, keyframe_of
from overseg.data.visit import Direction, Frontier, VisitKey

_WORTH_OF_LENGTH = 0.05  # one more frame of a track counts as much as newly covering this share of the mask's pixels
_MOST_MISSED = 127


def order_by_value(candidates: Masks, target: Masks) -> Int64[np.ndarray, " k"]:
    """Row numbers of masks that may be propagated on from a keyframe, those with the largest expected gain first.

    The gain on each further frame has two parts, both multiplied by the mask's score: the pixels that the mask covers
    and the keyframe's masks, `target`, do not; and a longer track. The work is the same for every mask.
    """
    new_share = 1 - candidates.rles.share_inside(target.rles.union())[:, 0]
    gain_px = candidates.rles.area_px() * (new_share + _WORTH_OF_LENGTH)
    return np.lexsort((candidates.region, -np.round(candidates.score * gain_px, 3)))


def count_missed(missed: Int8[np.ndarray, " k"]) -> Int8[np.ndarray, " k"]:
    """The number of keyframes missed in a row, after one more; at most 127."""
    return np.minimum(missed, _MOST_MISSED - 1) + np.int8(1)


def frontier_of(key: VisitKey, at_end: Masks, keyframes: Sequence[int]) -> Frontier:
    """Compute again the frontier that a visit of the full round left.

    Args:
        key: the visit.
        at_end: the masks of all visits of the full round on the keyframe at the visit's end.
        keyframes: of the shot, ascending.
    """
    is_forward = key.direction is Direction.FORWARD
    unmatched = at_end.take(at_end.source == (Source.FORWARD if is_forward else Source.BACKWARD))
    unmatched = unmatched.take(order_by_value(unmatched, at_end.take(_is_target(at_end, is_forward=is_forward))))
    made_on = np.searchsorted(keyframes, keyframe_of(unmatched.region))  # it was on the frontier at each since then
    missed = np.abs(keyframes.index(key.to_frame) - made_on)
    return Frontier(unmatched.region, missed.clip(max=_MOST_MISSED).astype(np.int8))


def _is_target(at_end: Masks, *, is_forward: bool) -> Bool[np.ndarray, " n"]:
    """Which masks were matched with the propagated ones: the keyframe's own; backward, also the forward frontier."""
    return at_end.source == Source.KEYFRAME if is_forward else at_end.source != Source.BACKWARD

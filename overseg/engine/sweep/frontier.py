"""What is propagated on past a keyframe, and in which order."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int8, Int64

from overseg.data.masks import Masks, Source, keyframe_of
from overseg.data.visit import Direction, Frontier, VisitKey

_WORTH_OF_LENGTH = 0.05  # a track that is one frame longer counts as much as this share of its pixels newly covered
_MOST_MISSED = 127


def by_value(candidates: Masks, target: Masks) -> Int64[np.ndarray, " k"]:
    """Rows of masks that may go on from a keyframe, those first of which most is expected for the work.

    A mask propagated on is expected to cover on each frame the pixels that it adds to what the keyframe's masks,
    `target`, cover, and it makes a track longer; both count times its score. Work for a frame is the same for every
    mask.
    """
    new_share = 1 - candidates.rles.share_inside(target.rles.union())[:, 0]
    gain_px = candidates.rles.area_px() * (new_share + _WORTH_OF_LENGTH)
    return np.lexsort((candidates.region, -np.round(candidates.score * gain_px, 3)))


def one_more_missed(missed: Int8[np.ndarray, " k"]) -> Int8[np.ndarray, " k"]:
    """The count after one more keyframe; it ends at 127, where nothing goes on any more unless it is seen again."""
    return np.minimum(missed, _MOST_MISSED - 1) + np.int8(1)


def frontier_of(key: VisitKey, on_arrival: Masks, keyframes: Sequence[int]) -> Frontier:
    """The frontier that a visit of the full round left, from what lies where it arrived.

    Args:
        key: the visit.
        on_arrival: all masks of the full round there, whichever visit they are of.
        keyframes: of the shot, ascending.
    """
    is_forward = key.direction is Direction.FORWARD
    onward = on_arrival.take(on_arrival.source == (Source.FORWARD if is_forward else Source.BACKWARD))
    onward = onward.take(by_value(onward, on_arrival.take(_met(on_arrival, is_forward=is_forward))))
    made_on = np.searchsorted(keyframes, keyframe_of(onward.region))  # a mask is on the frontier of each one it passes
    missed = np.abs(keyframes.index(key.to_frame) - made_on)
    return Frontier(onward.region, missed.clip(max=_MOST_MISSED).astype(np.int8))


def _met(on_arrival: Masks, *, is_forward: bool) -> np.ndarray:
    """What propagated masks match: forward those made there; backward also those propagated past it before."""
    return on_arrival.source == Source.KEYFRAME if is_forward else on_arrival.source != Source.BACKWARD

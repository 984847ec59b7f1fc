"""Previews, the coarsest rounds, which a small budget pays for: few keyframes, each propagated half-way to the next."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.rounds import COARSEST_ROUND, SEED_ROUND
from overseg.video.keyframes import Step, keyframes, regular_step

_COARSEST_STEPS = 9  # frames to each keyframe of the coarsest round, in steps of the full run
_MOST_OF_FULL = 2 / 3  # share of the full run's keyframes; a sweep is better than a preview with more

Item = TypeVar("Item")


def preview_visits(shots: Sequence[Shot], step: Step, round_: int) -> list[VisitKey]:
    """The visits of one round of previews, in an order that is spread over the whole video from the start.

    Masks are propagated from each keyframe half-way to the next one, and are matched there with those that are
    propagated back from it. So each frame is visited once, and no mask is propagated far. Shots that are too short for
    the round use a coarser one.
    """
    return list(dict.fromkeys(visit for gap in spread(gap_visits(shots, step, round_)) for visit in gap))


def gap_visits(shots: Sequence[Shot], step: Step, round_: int) -> list[list[VisitKey]]:
    """The visits of one round of previews by gap between keyframes. Gaps can be made in any order."""
    round_of = {shot: _fitting(shot, step, round_) for shot in shots}
    gaps = [(one, *gap) for shot, one in round_of.items() for gap in _gaps(shot, preview_keyframes(shot, step, one))]
    return [list(_gap_visits(*gap)) for gap in gaps]


def preview_keyframes(shot: Shot, step: Step, round_: int) -> list[int]:
    """The keyframes of a shot: the middles of equal intervals. Those of the coarsest round are in every finer one.

    >>> preview_keyframes(Shot(0, 89), 5, COARSEST_ROUND), preview_keyframes(Shot(0, 89), 5, COARSEST_ROUND - 1)
    ([22, 67], [7, 22, 37, 52, 67, 82])
    """
    n = max(1, round(len(shot) / (_COARSEST_STEPS * regular_step(step)))) * (1 + 2 * (COARSEST_ROUND - round_))
    return [shot.start + (2 * i + 1) * len(shot) // (2 * n) for i in range(n)]


def _fitting(shot: Shot, step: Step, round_: int) -> int:
    """The finest round, from `round_` on, whose keyframes in this shot are clearly fewer than the full run's."""
    most = min(_MOST_OF_FULL * len(keyframes(shot, step)), len(shot) / 2)
    finer = range(round_, COARSEST_ROUND)
    return next((one for one in finer if len(preview_keyframes(shot, step, one)) <= most), COARSEST_ROUND)


def spread(items: Sequence[Item]) -> list[Item]:
    """The items in an order that is spread over all of them from the start: both ends, the middle, the quarters, …

    >>> spread("abcdefgh")
    ['a', 'h', 'd', 'b', 'f', 'c', 'e', 'g']
    """
    if len(items) < 3:
        return list(items)
    order, gaps = [0, len(items) - 1], [(0, len(items) - 1)]
    while gaps:
        middles = [(low, (low + high) // 2, high) for low, high in gaps if high - low > 1]
        order += [middle for _, middle, _ in middles]
        gaps = [gap for low, middle, high in middles for gap in ((low, middle), (middle, high))]
    return [items[at] for at in order]


def _gaps(shot: Shot, at: list[int]) -> Iterator[tuple[int | None, int, int | None]]:
    """(keyframe before, frame half-way, keyframe after) for each gap, from the shot's first frame to its last."""
    yield None, shot.start, at[0]
    for before, after in pairwise(at):
        yield before, (before + after) // 2, after
    yield at[-1], shot.stop, None


def _gap_visits(round_: int, before: int | None, middle: int, after: int | None) -> Iterator[VisitKey]:
    for keyframe in (before, after):
        if keyframe is not None:
            yield VisitKey(SEED_ROUND, keyframe, keyframe, Direction.FORWARD)
    if before is not None and before < middle:
        yield VisitKey(round_, before, middle, Direction.FORWARD)
    if after is not None and middle < after:
        yield VisitKey(round_, middle, after, Direction.BACKWARD)

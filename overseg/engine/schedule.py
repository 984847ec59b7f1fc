"""Which visits a run makes, in which order. Depends on the shots and the step alone, never on what was found."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.video.keyframes import keyframes

FULL = 0  # the round whose keyframes are `step` apart
SEED_ROUND = 1  # the previews share their seeds: one keyframe is never generated twice for them
_PREVIEW_FACTORS = {1: 4, 2: 16}  # round -> keyframe distance in steps

Item = TypeVar("Item")


def schedule(shots: Sequence[Shot], step: int, *, previews: bool) -> list[VisitKey]:
    """All visits of a run, in order.

    A run without a budget crosses each shot twice at full density: forward, then backward. With `previews`, coarser
    rounds over the whole video come first, each spread over the video from its first visit on, so that whatever the
    budget ends is spread over the whole video too.
    """
    if not previews:
        return [visit for shot in shots for visit in _full_visits(shot, step)]
    plans = [_rounds(shot, step) for shot in shots]
    visits: list[VisitKey] = []
    for phase in range(max(map(len, plans), default=0)):
        due = [(shot, plan[phase]) for shot, plan in zip(shots, plans, strict=True) if phase < len(plan)]
        visits += _preview_visits([(shot, round_) for shot, round_ in due if round_ != FULL], step)
        visits += [visit for shot, round_ in spread(due) if round_ == FULL for visit in _full_visits(shot, step)]
    return list(dict.fromkeys(visits))  # a seed of one round is a seed of the next


def spread(items: Sequence[Item]) -> list[Item]:
    """The items in an order that is spread over all of them from the start: the ends, the middle, the quarters, …

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


def _full_visits(shot: Shot, step: int) -> Iterator[VisitKey]:
    clips = list(pairwise(keyframes(shot, step)))
    yield VisitKey(FULL, shot.start, shot.start, Direction.FORWARD)
    for start, stop in clips:
        yield VisitKey(FULL, start, stop, Direction.FORWARD)
    for start, stop in reversed(clips):
        yield VisitKey(FULL, start, stop, Direction.BACKWARD)


def _preview_visits(due: list[tuple[Shot, int]], step: int) -> Iterator[VisitKey]:
    """Masks on all the keyframes first, each alone; then the clips between them."""
    keyframes_of = {shot: keyframes(shot, step * _PREVIEW_FACTORS[round_]) for shot, round_ in due}
    for at in spread([at for found in keyframes_of.values() for at in found]):
        yield VisitKey(SEED_ROUND, at, at, Direction.FORWARD)
    for round_, start, stop in spread([(r, *clip) for shot, r in due for clip in pairwise(keyframes_of[shot])]):
        yield VisitKey(round_, start, stop, Direction.FORWARD)
        yield VisitKey(round_, start, stop, Direction.BACKWARD)


def _rounds(shot: Shot, step: int) -> list[int]:
    """The rounds of this shot, coarse to full, without those that add nothing to the next finer one."""
    rounds, finer = [FULL], keyframes(shot, step)
    for round_, factor in _PREVIEW_FACTORS.items():
        coarser = keyframes(shot, step * factor)
        if len(coarser) < len(finer):
            rounds.insert(0, round_)
            finer = coarser
    return rounds

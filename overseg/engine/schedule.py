"""Which visits a run makes, in which order. Depends on shots, step and budget alone, never on what was found."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from overseg.data.budget import Budget
from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.previews import COARSEST_ROUND, finest_previews, preview_visits, spread
from overseg.stages import MaskGenerator, Stages
from overseg.video.keyframes import keyframes

FULL = 0  # the round whose keyframes are `step` apart
MAX_PREVIEW_MASKS = 24  # of a keyframe: the largest, which cover most of it
_MASKS_EXPECTED = 60  # of a keyframe, to reckon what all of a video will take


def schedule(shots: Sequence[Shot], step: int, budget: Budget, stages: Stages) -> list[VisitKey]:
    """All visits of a run, in order.

    A run without a budget crosses each shot twice at full density: forward, then backward. With one, coarser rounds
    over the whole video come first, so that whatever the budget ends is spread over the whole video too; all but those
    that a finer round makes needless, as the work that the budget allows is reckoned to be enough for all of it.
    """
    full = [visit for shot in shots for visit in full_visits(shot, step)]
    if not budget.limited or _affordable(full, budget, stages):
        return full
    finest = finest_previews(shots, step)
    coarsest = [] if _affordable(finest, budget, stages) else preview_visits(shots, step, COARSEST_ROUND)
    in_order = [*coarsest, *finest, *(visit for shot in spread(shots) for visit in full_visits(shot, step))]
    return list(dict.fromkeys(in_order))  # a seed of one round is a seed of the next


def full_visits(shot: Shot, step: int) -> Iterator[VisitKey]:
    """The visits that cross a shot twice at full density."""
    clips = list(pairwise(keyframes(shot, step)))
    yield VisitKey(FULL, shot.start, shot.start, Direction.FORWARD)
    for start, stop in clips:
        yield VisitKey(FULL, start, stop, Direction.FORWARD)
    for start, stop in reversed(clips):
        yield VisitKey(FULL, start, stop, Direction.BACKWARD)


def generates(key: VisitKey) -> bool:
    """Whether a visit finds the masks of the keyframe at its later end."""
    return key.start == key.stop or (key.round == FULL and key.direction is Direction.FORWARD)


def refines(key: VisitKey) -> bool:
    """Whether a visit looks again at the masks that arrive at the keyframe at its earlier end."""
    return key.round == FULL and key.direction is Direction.BACKWARD


def generator_of(key: VisitKey, stages: Stages) -> MaskGenerator:
    """What finds the masks of a visit's keyframe."""
    return stages.generator if key.round == FULL else stages.preview_generator


def visit_work(key: VisitKey, n_carried: int, stages: Stages) -> float:
    """Work that a visit is reckoned to take in passes of SAM's image encoder, with masks carried on all its frames."""
    work = stages.propagator.clip_work(key.stop - key.start, n_carried)
    if generates(key):
        return work + generator_of(key, stages).keyframe_work
    if refines(key) and stages.refiner is not None:
        return work + stages.refiner.refine_work
    return work


def expected_work(key: VisitKey, stages: Stages) -> float:
    """`visit_work` of a visit that is not made yet."""
    n_masks = _MASKS_EXPECTED if key.round == FULL else MAX_PREVIEW_MASKS
    return visit_work(key, n_masks * (key.stop - key.start), stages)


def _affordable(visits: Sequence[VisitKey], budget: Budget, stages: Stages) -> bool:
    return budget.max_work is not None and sum(expected_work(key, stages) for key in visits) <= budget.max_work

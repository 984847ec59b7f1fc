"""The rounds of visits, and what a visit of each does. Of those that visited a frame, the lowest number speaks."""

from overseg.data.visit import Direction, VisitKey
from overseg.stages import MaskGenerator, Stages

FULL = 0  # a sweep, forward and back, over keyframes that are `step` apart; the next numbers are of sparser sweeps
PREVIEW_ROUNDS = 15, 14, 13  # few masks on few keyframes, each propagated half-way to the next; the coarsest first
COARSEST_ROUND, SEED_ROUND = PREVIEW_ROUNDS[0], PREVIEW_ROUNDS[-1]  # all share seeds: none is generated twice


def sweep_rounds(stages: Stages) -> list[tuple[int, int]]:
    """The rounds of sweeps, the full one first, then ever sparser ones: (round, steps between its keyframes).

    One for each sparser generator, and a last one with the sparsest on every second keyframe.
    """
    last = FULL + len(stages.sparse_generators) + 1
    return [*((round_, 1) for round_ in range(FULL, last)), (last, 2)]


def is_preview(key: VisitKey) -> bool:
    """Whether a visit is of a round of previews; all others are of sweeps."""
    return key.round in PREVIEW_ROUNDS


def generates(key: VisitKey) -> bool:
    """Whether a visit finds the masks of the keyframe at its later end."""
    return key.start == key.stop or (not is_preview(key) and key.direction is Direction.FORWARD)


def refines(key: VisitKey) -> bool:
    """Whether a visit looks again at the masks that arrive at the keyframe at its earlier end."""
    return not is_preview(key) and key.direction is Direction.BACKWARD


def generator_of(key: VisitKey, stages: Stages) -> MaskGenerator:
    """What finds the masks of a visit's keyframe."""
    if is_preview(key):
        return stages.preview_generator
    generators = [stages.generator, *stages.sparse_generators]
    return generators[min(key.round, len(generators) - 1)]

"""The rounds of visits, and what a visit of each round does. A frame shows the masks of its lowest round."""

from overseg.data.visit import Direction, VisitKey
from overseg.stages import MaskGenerator, Stages

FULL = 0  # a sweep, forward and backward, with a keyframe every `step` frames; rounds 1, 2, … are sparser sweeps
PREVIEW_ROUNDS = 15, 14, 13  # few masks on few keyframes, each propagated half-way to the next; the coarsest first
COARSEST_ROUND, SEED_ROUND = PREVIEW_ROUNDS[0], PREVIEW_ROUNDS[-1]  # previews share keyframe masks of the seed round


def sweep_rounds(stages: Stages) -> list[tuple[int, int]]:
    """The rounds of sweeps, from full to sparse, as (round, steps between keyframes).

    There is one round for each sparser generator, and a last one with the sparsest on every second keyframe.
    """
    last = FULL + len(stages.sparse_generators) + 1
    return [*((round_, 1) for round_ in range(FULL, last)), (last, 2)]


def is_preview(key: VisitKey) -> bool:
    """Whether a visit belongs to a round of previews; all other visits belong to sweeps."""
    return key.round in PREVIEW_ROUNDS


def generates(key: VisitKey) -> bool:
    """Whether a visit generates the masks of the keyframe at its later end."""
    return key.start == key.stop or (not is_preview(key) and key.direction is Direction.FORWARD)


def refines(key: VisitKey) -> bool:
    """Whether a visit refines the masks that it propagates to the keyframe at its earlier end."""
    return not is_preview(key) and key.direction is Direction.BACKWARD


def locates(key: VisitKey) -> bool:
    """Whether a visit locates masks that were lost on the way through its clip."""
    return not is_preview(key) and key.start != key.stop


def generator_of(key: VisitKey, stages: Stages) -> MaskGenerator:
    """The generator for the masks of a visit's keyframe."""
    if is_preview(key):
        return stages.preview_generator
    generators = [stages.generator, *stages.sparse_generators]
    return generators[min(key.round, len(generators) - 1)]

"""Masks that were propagated through a clip."""

from dataclasses import dataclass

from overseg.data.masks import Masks, Source
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, VisitKey
from overseg.stages import Clip, MaskPropagator, Video


@dataclass(frozen=True)
class Propagated:
    """Masks that a visit propagated through its clip.

    Attributes:
        between: rows on the frames before the clip's end.
        on_keyframe: rows on the keyframe at the clip's end.
        terminations: of all masklets, ordered by region.
    """

    between: Masks
    on_keyframe: Masks
    terminations: Terminations


def source_of(direction: Direction) -> Source:
    """The source of masks that are propagated in a direction."""
    return Source.FORWARD if direction is Direction.FORWARD else Source.BACKWARD


def propagate(video: Video, key: VisitKey, prompts: Masks, propagator: MaskPropagator) -> Propagated:
    """Propagate masks of a visit's first keyframe to the other end of its clip."""
    source = source_of(key.direction)
    masklets = propagator.propagate(Clip(video, key.start, key.stop), prompts.rles, key.direction)
    rows = Masks.from_masklets(masklets, regions=prompts.region, source=source)
    at_end = rows.frame == key.to_frame
    terminations = Terminations.of(masklets, regions=prompts.region, source=source, from_frame=key.from_frame)
    return Propagated(rows.take(~at_end), rows.take(at_end), terminations)

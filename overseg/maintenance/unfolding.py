"""From the rows of a damaged final result back to the visits that it was made of."""

from collections.abc import Iterator, Sequence

from overseg.data.appearances import Appearances
from overseg.data.masks import Masks, Source, keyframe_of
from overseg.data.shot import Shot
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Edges, Visit, VisitKey
from overseg.engine.rounds import generates
from overseg.engine.sweep.frontier import frontier_of
from overseg.engine.sweep.schedule import sweep_visits
from overseg.maintenance.salvage import Salvage
from overseg.video.keyframes import Step, keyframes


def whole_visits(salvage: Salvage, shots: Sequence[Shot], step: Step, *, stretch: int | None = None) -> Iterator[Visit]:
    """The visits of the full round of which nothing is lost, as they were committed, except for their seconds.

    Args:
        salvage: of a final result. All of its rows belong to the full round.
        shots, step, stretch: those of the run.
    """
    for shot in shots:
        of_shot = keyframes(shot, step)
        visits = sweep_visits(shot, step, stretch=stretch)
        alone = {key.start for key in visits if key.start == key.stop}
        for key in visits:
            if not _is_lost(key, salvage):
                made_masks = generates(key) and (key.start == key.stop or key.stop not in alone)
                yield _visit(key, salvage, of_shot, made_masks=made_masks)


def _is_lost(key: VisitKey, salvage: Salvage) -> bool:
    """Whether a row of the visit, or one that its frontier is computed from, may be lost."""
    lost = salvage.masks.lost[_frames(key)].any()
    if key.start != key.stop:
        lost |= salvage.terminations.lost[key.from_frame] | salvage.edges.lost[key.to_frame]
    if generates(key):
        lost |= salvage.appearances.lost[key.stop]
    return bool(lost)


def _visit(key: VisitKey, salvage: Salvage, of_shot: Sequence[int], *, made_masks: bool) -> Visit:
    """A visit; `made_masks` says whether it generated those of the keyframe at its end."""
    frames = _frames(key)
    masks: Masks = salvage.masks.on(frames.start, frames.stop - 1)
    appearances = salvage.appearances.on(key.stop, key.stop) if made_masks else Appearances.empty()
    if key.start == key.stop:
        return Visit.of_masks(
            key, masks.take(masks.source == Source.KEYFRAME), Terminations.empty(), appearances=appearances
        )
    is_forward = key.direction is Direction.FORWARD
    source = Source.FORWARD if is_forward else Source.BACKWARD
    terminations: Terminations = salvage.terminations.on(key.from_frame, key.from_frame)
    return Visit(
        key,
        masks.take((masks.source == source) | (made_masks & (masks.source == Source.KEYFRAME))),
        terminations.take(terminations.source == source),
        _edges(key, salvage),
        frontier_of(key, masks.take(masks.frame == key.to_frame), of_shot),
        appearances,
    )


def _edges(key: VisitKey, salvage: Salvage) -> Edges:
    """The edges of a visit. Forward visits propagate regions that were made earlier, backward visits later ones.

    Edges from an earlier region to a later one belong to no visit: they are made where two stretches meet.
    """
    edges: Edges = salvage.edges.on(key.to_frame, key.to_frame)
    is_earlier = keyframe_of(edges.region_from) < key.to_frame
    is_forward = is_earlier & (keyframe_of(edges.region_to) <= key.to_frame)
    rows = is_forward if key.direction is Direction.FORWARD else ~is_earlier
    return Edges(edges.region_from[rows], edges.region_to[rows], edges.frame[rows], edges.iou[rows])


def _frames(key: VisitKey) -> slice:
    """The frames on which the visit has masks: all but the one that it propagates from, if it propagates."""
    if key.start == key.stop:
        return slice(key.start, key.start + 1)
    return slice(key.start + 1, key.stop + 1) if key.direction is Direction.FORWARD else slice(key.start, key.stop)

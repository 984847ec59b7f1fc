"""Edges on the keyframes that two stretches of a shot share, so that tracks continue from one stretch to the other."""

from collections.abc import Iterator, Sequence

from overseg.data.masks import Masks, Source
from overseg.data.visit import Direction, Edges, VisitKey
from overseg.engine.rounds import is_preview
from overseg.engine.tracks.edges import edges_of
from overseg.engine.tracks.frame_rounds import FrameRounds
from overseg.stages import Associator, TrackStore


def joint_edges(
    store: TrackStore, associator: Associator, committed: Sequence[VisitKey], rounds: FrameRounds
) -> Iterator[Edges]:
    """Match the masks that were propagated to a shared keyframe from both sides and matched none of its own masks.

    On other keyframes the visit that goes back matches them, as it comes after the one that goes forward.

    Args:
        store, associator: where the masks are, and what matches them.
        committed: all visits of the store.
        rounds: the round that each frame shows.
    """
    sweeps = [key for key in committed if not is_preview(key)]
    visit_to = {(key.round, key.to_frame, key.direction): key for key in sweeps if key.start != key.stop}
    for shared in (key for key in sweeps if key.start == key.stop and rounds[key.start] == key.round):
        before = visit_to.get((shared.round, shared.start, Direction.FORWARD))
        after = visit_to.get((shared.round, shared.start, Direction.BACKWARD))
        if before is not None and after is not None:
            forward = _unmatched(store, before, Source.FORWARD)
            backward = _unmatched(store, after, Source.BACKWARD)
            yield edges_of(associator.match(forward.rles, backward.rles), forward, backward, shared.start)


def _unmatched(store: TrackStore, key: VisitKey, source: Source) -> Masks:
    masks = store.read(key).masks
    return masks.take((masks.frame == key.to_frame) & (masks.source == source))

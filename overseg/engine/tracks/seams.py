"""Edges where the frames of two rounds adjoin, so that tracks continue from one round to the other."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Int64

from overseg.data.masks import Masks, Source
from overseg.data.visit import Edges, VisitKey
from overseg.engine.tracks.edges import edges_of
from overseg.engine.tracks.frame_rounds import FrameRounds, keyframes_made_by
from overseg.stages import Associator, TrackStore


def seam_edges(
    store: TrackStore,
    associator: Associator,
    committed: Sequence[VisitKey],
    rounds: FrameRounds,
    regions: Int64[np.ndarray, " r"],
    keyframes: Int64[np.ndarray, " k"],
) -> Iterator[Edges]:
    """Match the keyframe masks of finer rounds with the hidden masks of coarser rounds on the same frames.

    Args:
        store, associator: where the masks are, and what matches them.
        committed: all visits of the store.
        rounds: the round that each frame shows.
        regions: the regions that are seen on some frame.
        keyframes: frames on which masks were generated.
    """
    coarse = _hidden_masks(store, committed, rounds, regions, keyframes)
    for key in committed:
        for keyframe in keyframes_made_by(key, rounds) & coarse.keys():
            masks = store.read(key).masks
            target = masks.take((masks.frame == keyframe) & (masks.source == Source.KEYFRAME))
            propagated = Masks.concatenate(coarse[keyframe])
            yield edges_of(associator.match(propagated.rles, target.rles), propagated, target, keyframe)


def _hidden_masks(
    store: TrackStore,
    committed: Sequence[VisitKey],
    rounds: FrameRounds,
    regions: Int64[np.ndarray, " r"],
    keyframes: Int64[np.ndarray, " k"],
) -> dict[int, list[Masks]]:
    """By keyframe, masks of rounds that the keyframe does not show, of regions that are seen on other frames."""
    coarse: defaultdict[int, list[Masks]] = defaultdict(list)
    for key in committed:
        if (rounds[key.start : key.stop + 1] >= key.round).all():
            continue
        rows, _ = store.outline(key)
        hidden = (rounds[rows.frame] < key.round) & np.isin(rows.frame, keyframes)
        hidden &= np.isin(rows.region, regions)
        if hidden.any():
            masks = store.read(key).masks.take(hidden)
            for keyframe in np.unique(masks.frame).tolist():
                coarse[keyframe].append(masks.take(masks.frame == keyframe))
    return coarse

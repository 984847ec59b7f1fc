"""Whether tracks move with the picture."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

from overseg.data.visit import Direction
from overseg.propagate.flow import FlowPropagator
from overseg.stages import Clip, Video
from overseg.store.result import Result


def stability(result: Result, video: Video, *, progress: Callable[[int, int], None]) -> Float64[np.ndarray, " t"]:
    """For each track the mean IoU of its mask, moved by DIS optical flow to the next frame, with its mask there.

    Pairs of neighbouring frames of one shot count if both have a mask of the track. NaN where there is no such pair.
    Masks that were propagated by the same flow agree with it, so compare only stores of one propagator.

    Args:
        result: of a run.
        video: the frames that it was made from.
        progress: gets the number of pairs of frames that are done, and of all.
    """
    mover = FlowPropagator(min_area_px=1, min_support=0.0)
    total, n = np.zeros(len(result.tracks)), np.zeros(len(result.tracks), np.int64)
    n_pairs, after = max(len(result) - 1, 0), result.masks_at(0)
    for frame in range(n_pairs):
        progress(frame, n_pairs)
        before, after = after, result.masks_at(frame + 1)
        if result.frames.shot[frame] != result.frames.shot[frame + 1]:
            continue
        tracks, here, there = np.intersect1d(before.track, after.track, return_indices=True)
        moved = mover.propagate(Clip(video, frame, frame + 1), before.rles.take(here), Direction.FORWARD).masks
        n[tracks] += 1
        for row, prompt in enumerate(moved.prompt.tolist()):
            total[tracks[prompt]] += moved.rles.take([row]).iou(after.rles.take(there[prompt : prompt + 1]))[0, 0]
    progress(n_pairs, n_pairs)
    return np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)

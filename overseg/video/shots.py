"""Finds the cuts between the shots of a video."""

from collections import deque
from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

from overseg.data.shot import Shot
from overseg.stages import Video
from overseg.video.dissimilarity import Thumbnail, dissimilarity, mean_difference

MIN_CUT_DISSIMILARITY = 0.27
MIN_RATIO_TO_MOTION = 1.7
MIN_LASTING_DISSIMILARITY = 0.2  # lower, because things move further between frames that are further apart
_LASTING_FRAMES = 3  # frames on either side that must differ, so that a flash of two frames is not a cut
_NEIGHBOUR_FRAMES = 4  # frames on either side that define the usual motion
_STILL_LEVELS = 3.0


def find_shots(video: Video, *, report: Callable[[int], None] | None = None) -> list[Shot]:
    """Split a video at its cuts, in one pass over all frames, with memory for a few small pictures.

    A frame starts a shot if three conditions hold. It differs from the frame before, with motion by a tenth of the
    picture allowed for. It differs clearly more than the frames around it do. The change lasts: each of the three
    frames before differs from each of the three frames from here on. Pans, zooms, fast motion, changes of light, and
    flashes of one or two frames are therefore not cuts. Among cuts less than three frames apart only the first counts.
    Dissolves and fades over more than a few frames are not cuts: both sides belong to one shot.

    Args:
        video: the frames.
        report: called after each frame with the number of frames done.

    Returns:
        The shots in order; every frame is in exactly one. A video without frames has no shots.
    """
    if len(video) == 0:
        return []
    motion, lasting = _changes(video, report)
    starts = [0]
    is_sudden = motion >= np.maximum(MIN_CUT_DISSIMILARITY, MIN_RATIO_TO_MOTION * _usual_motion(motion))
    for index in np.flatnonzero(is_sudden & (lasting >= MIN_LASTING_DISSIMILARITY)):
        if len(starts) == 1 or index - starts[-1] >= _LASTING_FRAMES:
            starts.append(int(index))
    return [Shot(start, stop - 1) for start, stop in zip(starts, [*starts[1:], len(video)], strict=True)]


def _changes(
    video: Video, report: Callable[[int], None] | None
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Dissimilarity of each frame to the one before, and the least one between frames before it and from it on.

    Both are in [0, 1], and 0 for the first frame.
    """
    motion, lasting = np.zeros(len(video)), np.zeros(len(video))
    window: deque[Thumbnail] = deque(maxlen=2 * _LASTING_FRAMES)
    for index in range(len(video)):
        window.append(Thumbnail.of(video[index].rgb))
        if index > 0:
            motion[index] = _dissimilarity(window[-2], window[-1])
        _set_lasting(lasting, motion, index - _LASTING_FRAMES + 1, list(window))
        if report is not None:
            report(index + 1)
    for index in range(max(1, len(video) - _LASTING_FRAMES + 1), len(video)):  # fewer than three frames follow
        window_start = len(video) - len(window)
        _set_lasting(lasting, motion, index, list(window)[max(0, index - _LASTING_FRAMES - window_start) :])
    return motion, lasting


def _set_lasting(
    lasting: Float64[np.ndarray, " n"], motion: Float64[np.ndarray, " n"], index: int, window: list[Thumbnail]
) -> None:
    """Set `lasting` for frame `index`: how much of its change lasts. The window starts up to three frames before it."""
    if index < 1 or motion[index] < MIN_CUT_DISSIMILARITY:
        return
    n_before = min(index, _LASTING_FRAMES)
    lasting[index] = min(
        _dissimilarity(window[one], window[other], n_frames_apart=other - one)
        for one in range(n_before)
        for other in range(n_before, len(window))
    )


def _dissimilarity(one: Thumbnail, other: Thumbnail, *, n_frames_apart: int = 1) -> float:
    if mean_difference(one, other) < _STILL_LEVELS:
        return 0.0
    return dissimilarity(one, other, n_frames_apart=n_frames_apart)


def _usual_motion(motion: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Median over the neighbours of each frame, without the frame itself."""
    padded = np.pad(motion, _NEIGHBOUR_FRAMES, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOUR_FRAMES + 1)
    others = np.delete(around, _NEIGHBOUR_FRAMES, axis=1)
    known = ~np.isnan(others).all(axis=1)
    return np.where(known, np.nanmedian(np.where(known[:, None], others, 0.0), axis=1), 0.0)

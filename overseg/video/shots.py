"""Where one shot ends and the next begins."""

from collections import deque
from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

from overseg.data.shot import Shot
from overseg.stages import Video
from overseg.video.likeness import Thumbnail, mean_difference, unlikeness

MIN_CUT_UNLIKENESS = 0.27
MIN_RATIO_TO_MOTION = 1.7
MIN_LASTING_UNLIKENESS = 0.2  # less, as things further apart in time may have moved further
_LASTING_FRAMES = 3  # frames on either side that must differ: a flash of two frames is no cut
_NEIGHBOUR_FRAMES = 4  # frames on either side by which the usual motion is judged
_STILL_LEVELS = 3.0


def find_shots(video: Video, *, report: Callable[[int], None] | None = None) -> list[Shot]:
    """Split a video at its cuts. One pass over all frames; memory for a few small pictures.

    A frame begins a shot where it is unlike the one before, even if things moved by a tenth of the picture, clearly
    more so than is usual around there, and where the change lasts: each of the three frames before is unlike each of
    the three from here on. So no cut is seen in pans, zooms, fast motion, changes of light, or flashes of one or two
    frames. Of cuts less than three frames apart the first counts. Dissolves and fades that take more than a few frames
    are not cuts: what they join is one shot.

    Args:
        video: the frames.
        report: called with the number of frames done, after each.

    Returns:
        The shots in order; together they hold every frame once. A video without frames has none.
    """
    if len(video) == 0:
        return []
    motion, lasting = _changes(video, report)
    starts = [0]
    is_sudden = motion >= np.maximum(MIN_CUT_UNLIKENESS, MIN_RATIO_TO_MOTION * _usual(motion))
    for index in np.flatnonzero(is_sudden & (lasting >= MIN_LASTING_UNLIKENESS)):
        if len(starts) == 1 or index - starts[-1] >= _LASTING_FRAMES:
            starts.append(int(index))
    return [Shot(start, stop - 1) for start, stop in zip(starts, [*starts[1:], len(video)], strict=True)]


def _changes(
    video: Video, report: Callable[[int], None] | None
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """How unlike each frame is to the one before, and the least that frames before it differ from it and those after.

    Both in [0, 1]; 0 for the first frame.
    """
    motion, lasting = np.zeros(len(video)), np.zeros(len(video))
    window: deque[Thumbnail] = deque(maxlen=2 * _LASTING_FRAMES)
    for index in range(len(video)):
        window.append(Thumbnail.of(video[index].rgb))
        if index > 0:
            motion[index] = _unlike(window[-2], window[-1])
        _settle(lasting, motion, index - _LASTING_FRAMES + 1, list(window))
        if report is not None:
            report(index + 1)
    for index in range(max(1, len(video) - _LASTING_FRAMES + 1), len(video)):  # fewer than three frames follow
        window_start = len(video) - len(window)
        _settle(lasting, motion, index, list(window)[max(0, index - _LASTING_FRAMES - window_start) :])
    return motion, lasting


def _settle(
    lasting: Float64[np.ndarray, " n"], motion: Float64[np.ndarray, " n"], index: int, window: list[Thumbnail]
) -> None:
    """Note for frame `index` how much of its change lasts; up to three frames of the window lie before it."""
    if index < 1 or motion[index] < MIN_CUT_UNLIKENESS:
        return
    n_before = min(index, _LASTING_FRAMES)
    lasting[index] = min(
        _unlike(window[one], window[other], n_frames_apart=other - one)
        for one in range(n_before)
        for other in range(n_before, len(window))
    )


def _unlike(one: Thumbnail, other: Thumbnail, *, n_frames_apart: int = 1) -> float:
    if mean_difference(one, other) < _STILL_LEVELS:
        return 0.0
    return unlikeness(one, other, n_frames_apart=n_frames_apart)


def _usual(motion: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Median of each frame's neighbours, the frame itself left out."""
    padded = np.pad(motion, _NEIGHBOUR_FRAMES, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOUR_FRAMES + 1)
    others = np.delete(around, _NEIGHBOUR_FRAMES, axis=1)
    known = ~np.isnan(others).all(axis=1)
    return np.where(known, np.nanmedian(np.where(known[:, None], others, 0.0), axis=1), 0.0)

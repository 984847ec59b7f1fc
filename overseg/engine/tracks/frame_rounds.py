"""Which round of visits each frame shows: the lowest one that visited it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int8

from overseg.data.visit import VisitKey
from overseg.engine.rounds import generates

NO_ROUND = 127  # of a frame without a visit

FrameRounds = Int8[np.ndarray, " f"]
"""For every frame the round that it shows."""


def frame_rounds(keys: Sequence[VisitKey], n_frames: int) -> FrameRounds:
    """The rounds that the frames show after these visits."""
    rounds = np.full(n_frames, NO_ROUND, np.int8)
    for key in keys:
        frames = rounds[key.start : key.stop + 1]
        np.minimum(frames, np.int8(key.round), out=frames)
    return rounds


def keyframes_made_by(key: VisitKey, rounds: FrameRounds) -> set[int]:
    """The keyframe whose masks a visit generated, if that frame shows the visit's round; else nothing."""
    return {key.stop} if generates(key) and rounds[key.stop] == key.round else set()

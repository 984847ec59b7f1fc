"""How a written video is shown: when each picture, in which aspect, with which sound."""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

if TYPE_CHECKING:
    from overseg.store.result import Result

TICK = Fraction(1, 90_000)  # of files whose pictures are not shown at a constant rate, in seconds
_MAX_FPS_DENOMINATOR = 1001  # as in 30000/1001
_MAX_ASPECT_DENOMINATOR = 1000
_CONSTANT_FRAMES = 0.5  # times that lie nearer than this to a constant rate are one


@dataclass(frozen=True, kw_only=True)
class Playback:
    """How a video is shown.

    Attributes:
        fps: frames per second, above 0.
        times_s: when each picture is shown, ascending, in seconds; None for a constant rate.
        aspect: width of a pixel by its height.
        sound: a video file whose sound is written too.
        begin_s: where the first picture is in that file, in seconds from its start.
    """

    fps: Fraction | float
    times_s: Float64[np.ndarray, " n"] | None = None
    aspect: float = 1.0
    sound: Path | None = None
    begin_s: float = 0.0

    @property
    def rate(self) -> Fraction:
        """Frames per second as a fraction that containers hold."""
        return Fraction(self.fps).limit_denominator(_MAX_FPS_DENOMINATOR)

    @property
    def pixel_aspect(self) -> Fraction:
        """The aspect as a fraction that containers hold."""
        return Fraction(self.aspect).limit_denominator(_MAX_ASPECT_DENOMINATOR)

    @property
    def unit_s(self) -> Fraction:
        """The unit of `shown_at`, in seconds."""
        return 1 / self.rate if self.times_s is None else TICK

    def shown_at(self, number: int) -> int:
        """When a picture is shown, in units from the first one; of the one after the last, when that one ends.

        The last one is shown for as long as pictures are on average.
        """
        return number if self._ticks is None else int(self._ticks[number])

    def duration(self, at: int) -> int:
        """For how long the picture is shown that is shown at this moment, both in units."""
        if self._ticks is None:
            return 1
        number = int(np.searchsorted(self._ticks, at))
        return int(self._ticks[number + 1] - self._ticks[number])

    @cached_property
    def _ticks(self) -> Int64[np.ndarray, " m"] | None:
        """When each picture is shown, and when the last one ends."""
        if self.times_s is None:
            return None
        ticks = np.rint((self.times_s - self.times_s[0]) / float(TICK)).astype(np.int64)
        last = round(ticks[-1] / (len(ticks) - 1)) if len(ticks) > 1 else round(1 / self.rate / TICK)
        return np.append(ticks, ticks[-1] + last)


def playback_of(
    result: "Result", frames: range, *, fps: Fraction | float | None, otherwise: float, sound: Path | None = None
) -> Playback:
    """How frames of a result are shown: at the times of the source, with its pixel aspect.

    Args:
        result: whose frames are written.
        frames: their numbers.
        fps: a constant rate to use instead of the source's times; None for these.
        otherwise: frames per second where the source has no times: a folder of images.
        sound: the source, where its sound is written too.
    """
    times_s = result.frames.timestamp_s[frames.start : frames.stop : frames.step].astype(np.float64)
    begin_s = float(times_s[0]) if len(times_s) else 0.0
    shown = Playback(
        fps=otherwise / frames.step if fps is None else fps,
        aspect=result.info.pixel_aspect,
        sound=sound,
        begin_s=begin_s,
    )
    if fps is not None or not result.info.fps:
        return shown
    rate = result.info.fps / frames.step
    off = np.abs((times_s - begin_s) * rate - np.arange(len(times_s)))
    ascends = bool((np.diff(times_s) >= float(TICK)).all())
    is_constant = off.max(initial=0) < _CONSTANT_FRAMES or not ascends
    return replace(shown, fps=rate, times_s=None if is_constant else times_s)

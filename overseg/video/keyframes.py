"""The keyframes of a shot: the frames on which masks are generated."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from overseg.data.shot import Shot
from overseg.errors import SettingsError
from overseg.stages import Video

AUTO: Literal["auto"] = "auto"
REGULAR_STEP = 5  # frames between regular keyframes where the video decides about more
Step = int | Literal["auto"]
_LEAST_SURVIVING = 0.3  # of a picture's pixels from one keyframe to the next; with less there is one more between


def keyframes(shot: Shot, step: Step, *, every: int = 1) -> list[int]:
    """Return the keyframes of a shot: its first frame, every `step`-th frame after it, and always its last.

    The keyframes for a multiple of `step` are a subset of those for `step`, so that a coarse run can be refined. For
    this reason a short last gap is not merged into the one before it.

    Example:
        >>> keyframes(Shot(10, 22), step=5), keyframes(Shot(10, 22), step=5, every=2)
        ([10, 15, 20, 22], [10, 20, 22])
        >>> keyframes(Shot(10, 22, more_keyframes=(12,)), step="auto")
        [10, 12, 15, 20, 22]

    Args:
        shot: first and last frame, and for "auto" the keyframes besides the regular ones.
        step: distance between keyframes in frames, at least 1; or "auto" for 5 and the shot's own ones between.
        every: of the regular keyframes only each such one is taken, and none between.

    Raises:
        SettingsError: `step` is neither a whole number of at least 1 nor "auto".
    """
    between = shot.more_keyframes if step == AUTO and every == 1 else ()
    return sorted({*range(shot.start, shot.stop + 1, every * regular_step(step)), *between, shot.stop})


def regular_step(step: Step) -> int:
    """The distance between regular keyframes, in frames.

    Raises:
        SettingsError: `step` is neither a whole number of at least 1 nor "auto".
    """
    if step == AUTO:
        return REGULAR_STEP
    if isinstance(step, bool) or not isinstance(step, int) or step < 1:
        raise SettingsError(
            f"step is the distance between keyframes in frames, a whole number from 1 on, or {AUTO}; got {step!r}"
        )
    return step


def with_more_keyframes(
    video: Video, shots: Sequence[Shot], *, report: Callable[[int], None] | None = None
) -> list[Shot]:
    """The shots with one more keyframe in the middle of each gap through which optical flow follows little.

    One pass over all frames. The video alone decides, so that every run finds the same ones.

    Args:
        video: the frames.
        shots: all of its shots.
        report: called after each frame with the number of frames done.
    """
    from overseg.video.survival import Survival

    found = []
    for shot in shots:
        survival, more = Survival(), []
        survival.add(video[shot.start].rgb)
        for start, stop in pairwise(keyframes(shot, REGULAR_STEP)):
            survival.restart()
            for frame in range(start + 1, stop + 1):
                share = survival.add(video[frame].rgb)
                if report is not None:
                    report(frame + 1)
            if stop - start > 2 and share < _LEAST_SURVIVING:
                more.append((start + stop) // 2)
        found.append(replace(shot, more_keyframes=tuple(more)))
    return found

"""The keyframes of a shot: the frames on which masks are generated."""

from overseg.data.shot import Shot
from overseg.errors import SettingsError


def keyframes(shot: Shot, step: int) -> list[int]:
    """Return the shot's first frame, every `step`-th frame after it, and always its last.

    The keyframes for a multiple of `step` are a subset of those for `step`, so that a coarse run can be refined. For
    this reason a short last gap is not merged into the one before it.

    Example:
        >>> keyframes(Shot(10, 22), step=5)
        [10, 15, 20, 22]

    Args:
        shot: first and last frame.
        step: distance between keyframes in frames, at least 1.

    Raises:
        SettingsError: `step` is not a whole number of at least 1.
    """
    if isinstance(step, bool) or not isinstance(step, int) or step < 1:
        raise SettingsError(f"step is the distance between keyframes in frames, a whole number from 1 on; got {step!r}")
    return sorted({*range(shot.start, shot.stop + 1, step), shot.stop})

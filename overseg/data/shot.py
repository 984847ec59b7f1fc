"""A shot: the frames between two cuts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shot:
    """Frames between two cuts. No mask is propagated from one shot into another.

    Attributes:
        start: index of its first frame.
        stop: index of its last frame (inclusive), at least start.
        more_keyframes: keyframes between the regular ones, ascending, where much moves; see `video.keyframes`.
    """

    start: int
    stop: int
    more_keyframes: tuple[int, ...] = ()

    def __len__(self) -> int:
        return self.stop - self.start + 1

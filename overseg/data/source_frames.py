"""The frames of an input before any of them are left out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SourceFrames:
    """What is known of the frames of an input, before `--start`, `--end` and `--stride`.

    Attributes:
        n_frames: how many there are; 0 where that is unknown.
        stems: for a folder of images, their names without suffix, in order; else empty.
        name: what the input is called, without suffix; empty where that is unknown.
        size: (height, width) of the pictures before they are shrunk, in pixels; None where that is unknown.
    """

    n_frames: int = 0
    stems: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    name: str = ""

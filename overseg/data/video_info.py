"""Facts that identify and describe a video."""

from dataclasses import dataclass

ARRAYS = "arrays"  # the name of an input that has no file: pictures from a Python program


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video as it is processed (after start, end, stride and resize).

    Attributes:
        name: file or folder name, without its path.
        sha256: hash over the content (file bytes; for folders the names and bytes of files, in order).
        n_frames: number of frames processed.
        height, width: size of the processed frames in pixels, rotation applied.
        fps: mean frames per second of the processed frames; 0 where unknown.
        n_lost: number of frames that could not be decoded.
        pixel_aspect: width of a pixel by its height, as it is to be shown.
    """

    name: str
    sha256: str
    n_frames: int
    height: int
    width: int
    fps: float
    n_lost: int = 0
    pixel_aspect: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

"""A photograph and drawn pictures for the generators' tests."""

import numpy as np

from overseg.data.frame import Frame


def photograph() -> Frame:
    """A cat, 451x300, from scikit-image."""
    import skimage.data

    return frame(skimage.data.chelsea())


def frame(rgb: np.ndarray, index: int = 0) -> Frame:
    """A picture as a frame of a video."""
    return Frame(index=index, timestamp_s=float(index), rgb=np.ascontiguousarray(rgb))


def plain(height: int, width: int, index: int = 0) -> Frame:
    """A picture of one colour."""
    return frame(np.full((height, width, 3), 90, np.uint8), index)


def shapes(height: int = 96, width: int = 131, index: int = 0) -> Frame:
    """A rectangle with a disc inside it, and a bar, on a plain ground."""
    rgb = np.full((height, width, 3), (40, 60, 90), np.uint8)
    rgb[height // 6 : height // 2, width // 8 : width // 2] = (220, 180, 60)
    y, x = np.ogrid[:height, :width]
    rgb[(y - height / 3) ** 2 + (x - width / 3) ** 2 < (height / 9) ** 2] = (180, 30, 40)
    rgb[height * 3 // 4 : height * 7 // 8, width // 4 :] = (60, 190, 110)
    return frame(rgb, index)

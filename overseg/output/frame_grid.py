"""A small picture of a whole result: frames from its first to its last, with their masks."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from overseg.errors import InputError
from overseg.output.input_video import open_input
from overseg.output.overlay import draw_masks
from overseg.output.sheet import contact_sheet
from overseg.stages import Video
from overseg.store.result import Result

_COLUMNS, _ROWS = 4, 2
_CELL_WIDTH_PX, _GAP_PX = 236, 4
_GREY, _WHITE = 168, 255  # of frames whose video is missing, and of what lies between the frames


def frame_grid(result: Result, video: Video | None) -> UInt8[np.ndarray, "h w 3"]:
    """Return at most eight frames, evenly spaced, each with its masks in the colours of their tracks.

    Args:
        result: holds the masks.
        video: the frames that it was made from; None shows the masks on grey.

    Raises:
        InputError: the video is damaged at a frame.
    """
    import cv2

    height, width = result.size
    cell = max(1, round(height * _CELL_WIDTH_PX / width)), _CELL_WIDTH_PX
    n_shown = min(len(result), _COLUMNS * _ROWS)
    n_columns = min(_COLUMNS, max(1, n_shown))
    n_rows = -(-n_shown // n_columns)
    step = cell[0] + _GAP_PX, cell[1] + _GAP_PX
    grid = np.full((max(1, n_rows) * step[0] - _GAP_PX, n_columns * step[1] - _GAP_PX, 3), _WHITE, np.uint8)
    for at, frame in enumerate(np.linspace(0, len(result) - 1, n_shown).round().astype(int).tolist()):
        rgb = np.full((height, width, 3), _GREY, np.uint8) if video is None else video[frame].rgb
        drawn = cv2.resize(draw_masks(rgb, result.masks_at(frame)), cell[::-1], interpolation=cv2.INTER_AREA)
        top, left = at // n_columns * step[0], at % n_columns * step[1]
        grid[top : top + cell[0], left : left + cell[1]] = drawn
    return grid


class InputPictures:
    """Gives a result the pictures that it was made from; see `store.result.ResultPictures`.

    The video stays open from the first picture on, because a notebook asks for one picture after another.
    """

    def __init__(self, video: str | Path | Iterable[np.ndarray] | None = None) -> None:
        """
        Args:
            video: where the input is now, or its frames; None for where it was when the store was made.
        """
        self._path = video
        self._video: Video | None = None

    def rgb(self, result: Result, frame: int) -> UInt8[np.ndarray, "h w 3"]:
        """A frame of the input; InputError if the input is missing, or is another one."""
        return self._opened(result)[frame].rgb

    def overview(self, result: Result) -> dict[str, UInt8[np.ndarray, "h w 3"]]:
        """Frames of the result with their masks, and a contact sheet of tracks; on grey if the input is missing."""
        try:
            video = self._opened(result)
        except InputError:
            video = None
        return {"frames with their masks": frame_grid(result, video), "contact sheet": contact_sheet(result, video)}

    def _opened(self, result: Result) -> Video:
        if self._video is None:
            self._video = open_input(result, self._path)
        return self._video

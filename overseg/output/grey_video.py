"""Grey frames, where a store was made of masks without a video."""

import numpy as np
from jaxtyping import Float64

from overseg.data.frame import Frame
from overseg.data.video_info import VideoInfo
from overseg.store.result import Result

_GREY = 128


class GreyVideo:
    """Frames of one grey, as many and as large as a result has; a `Video`."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._rgb = np.full((*result.size, 3), _GREY, np.uint8)
        self._rgb.flags.writeable = False

    @property
    def info(self) -> VideoInfo:
        return self._result.info

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        return self._result.frames.timestamp_s.astype(np.float64)

    def __len__(self) -> int:
        return len(self._result)

    def __getitem__(self, index: int) -> Frame:
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of a video of {len(self)} frames")
        return Frame(index=index, timestamp_s=float(self.timestamps_s[index]), rgb=self._rgb)

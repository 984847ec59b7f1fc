"""What makes the masks of corrections; `overseg.correcting` has one that uses SAM and optical flow."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from overseg.store.result import Result

Click = tuple[float, float, int]
"""x and y in pixels of the store's frames, and 1 on the object or 0 beside it."""


@runtime_checkable
class MaskMaker(Protocol):
    """Makes masks for edits of one store."""

    def prompted(
        self, result: Result, frame: int, *, points: Sequence[Click], box_xyxy: Sequence[float] | None
    ) -> tuple[bytes, float]:
        """Return the mask of clicks and a box as a COCO string, and its predicted IoU.

        Args:
            result: with the edits so far.
            frame: number of the frame.
            points: the clicks.
            box_xyxy: (x1, y1, x2, y2) around the object, in pixels; None for none.

        Raises:
            InputError: there is no video.
            SettingsError: there is neither a point nor a box, or one is outside the picture.
            WeightsError: the weights cannot be fetched.
        """
        ...

    def propagated(self, result: Result, track: int, frame: int) -> dict[int, bytes]:
        """Return the masks of a track on the frames around one on which it is corrected, as COCO strings by frame.

        They go up to the next corrections; without a correction on one side, up to the next keyframe on that side.

        Raises:
            InputError: there is no video.
            SettingsError: the track has no mask on this frame.
        """
        ...

    def close(self) -> None:
        """Release the video. A second call does nothing."""
        ...

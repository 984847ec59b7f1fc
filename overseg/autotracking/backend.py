"""The interface of the local and the hosted models of `overseg autotrack`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from overseg.data.frame import Frame
from overseg.data.rles import Rles
from overseg.prompts.clicks import Clicks

if TYPE_CHECKING:
    from overseg.store.result import Result

STORE = "tracks.zarr"
OF_MASKS = ("weights", "dtype", "compile")  # settings of tracking that also apply to the masks of the first frame


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """Options of making the masks of the first frame, for local and hosted models alike.

    Attributes:
        points_per_side: side of the grid of point prompts.
        pred_iou_thresh, stability_score_thresh: minimum scores of a mask, each in [0, 1].
        use_m2m: whether each mask is refined once, with itself as a prompt.
    """

    points_per_side: int = 32
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    use_m2m: bool = True


@runtime_checkable
class Backend(Protocol):
    """Finds masks and tracks clicked objects. It writes into one folder."""

    def masks(self, frame: Frame, picture: Path, options: MaskOptions) -> Rles:
        """Return masks of the first frame.

        Args:
            frame: the frame.
            picture: a file of the frame.
            options: how the masks are made.
        """
        ...

    def track(self, clicks: Clicks) -> "Result | None":
        """Track the clicked objects; return the result, or None if the backend returns no masks."""
        ...

"""Who finds masks on the first frame, and who follows clicks through the video."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from overseg.data.frame import Frame
from overseg.data.rles import Rles
from overseg.prompts.clicks import Clicks

if TYPE_CHECKING:
    from overseg.store.result import Result

STORE = "tracks.zarr"
OF_MASKS = ("weights", "dtype", "compile")  # settings of tracking that count for masks of the first frame, too


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """How the masks of the first frame are made: options that local and hosted models share.

    Attributes:
        points_per_side: of the grid of points that are asked for.
        pred_iou_thresh, stability_score_thresh: what a mask must reach, each in [0, 1].
        use_m2m: whether each mask is asked for once more with itself as a prompt.
    """

    points_per_side: int = 32
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    use_m2m: bool = True


@runtime_checkable
class Backend(Protocol):
    """Finds masks, and follows clicks. What it writes lies in one folder."""

    def masks(self, frame: Frame, picture: Path, options: MaskOptions) -> Rles:
        """Masks of the first frame.

        Args:
            frame: the frame.
            picture: a file of it.
            options: how they are made.
        """
        ...

    def track(self, clicks: Clicks) -> "Result | None":
        """Follow what is clicked; the masks, where they are at hand."""
        ...

"""Masks that already exist on disk, from any tool."""

from pathlib import Path

from overseg.data.frame import Frame
from overseg.data.machine import Machine
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.generate.keep import keep_masks
from overseg.generate.mask_folder import paths_by_frame, read_masks

_NEAR_DUPLICATE_IOU = 0.95  # high: another tool's masks are not ours to thin out


def build(settings: Settings, machine: Machine) -> "PrecomputedGenerator":
    """The generator that the settings describe."""
    return PrecomputedGenerator(
        Path(settings.masks or ""), min_area_px=settings.min_area_px, max_masks=settings.max_masks_per_keyframe
    )


class PrecomputedGenerator:
    """Reads the masks of each keyframe from a folder.

    A file or folder belongs to the frame whose number its name ends with, counted in the frames as they are processed
    (0-based, after start, end and stride): 00012.png, frame_12.json and 12/ are frame 12. It may be

    - a PNG in which each grey value, palette entry or colour but black is one mask,
    - a folder of PNGs, one mask each, which may overlap,
    - JSON with COCO RLE, as SAM's automatic mask generator writes it,
    - an npz file with a stack of masks [n, height, width].

    A frame without a file has no masks.
    """

    keyframe_work = 0.02

    def __init__(self, folder: Path, *, min_area_px: int = 64, max_masks: int | None = None) -> None:
        """Look what is in the folder; masks are read when their frame comes.

        Args:
            folder: the masks.
            min_area_px: smaller masks are dropped.
            max_masks: only so many of the largest are kept; None keeps all.

        Raises:
            InputError: the folder cannot be read, holds no masks, or holds two files for one frame.
        """
        self._paths = paths_by_frame(folder)
        self._min_area_px, self._max_masks = min_area_px, max_masks

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """The masks that the folder has for `keyframe`. `propagated` is not used.

        Raises:
            InputError: the file is broken, or its masks are of another size than the frame.
        """
        path = self._paths.get(keyframe.index)
        if path is None:
            return KeyframeMasks.from_rles(Rles.empty(keyframe.size))
        return keep_masks(
            read_masks(path, keyframe.size),
            min_area_px=self._min_area_px,
            max_masks=self._max_masks,
            max_iou=_NEAR_DUPLICATE_IOU,
        )

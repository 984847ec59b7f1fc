"""Checks that our SAM 2 gives upstream's masks on this machine, with the same weights and frames."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import skimage.data
from jaxtyping import Float64
from sam2.sam2_video_predictor import SAM2VideoPredictor

from overseg.data.frame import Frame
from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.video_info import VideoInfo
from overseg.data.visit import Direction
from overseg.propagate.sam2.model import load_sam2, sam2_variant
from overseg.propagate.sam2.parity import UpstreamSession, compare, upstream_masks, upstream_predictor, written_frames
from overseg.propagate.sam2.propagator import Sam2Propagator
from overseg.stages import Clip
from overseg.weights.state_dict import read_state_dict

ENOUGH_IOU = 0.999
_N_FRAMES = 5
_SIZE = (180, 260)
_STEP_PX = 6
_DISCS_XYR = ((130, 90, 60), (70, 60, 30), (190, 120, 25))
Result = TypeVar("Result")


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        what: name of the comparison.
        n_masks: number of masks compared.
        worst_iou: smallest IoU of a mask of ours with upstream's, in [0, 1].
        n_ended_apart: our masklets that ended where upstream's did not.
        upstream_s, ours_s: seconds taken.
    """

    what: str
    n_masks: int
    worst_iou: float
    n_ended_apart: int
    upstream_s: float
    ours_s: float

    @property
    def passes(self) -> bool:
        return self.n_masks > 0 and self.worst_iou >= ENOUGH_IOU and not self.n_ended_apart


def selfcheck(weights: Path, *, device: str, image_size: int) -> Iterator[Check]:
    """Load the weights, and yield one comparison after another.

    Args:
        weights: a SAM 2 or SAM 2.1 checkpoint.
        device: "cpu", "cuda", "cuda:1", "mps".
        image_size: side in pixels of the square that frames are resized to.

    Raises:
        WeightsError: the file is missing, damaged, or holds something else.
        SettingsError: `image_size` is not a positive multiple of 32.
        DeviceError: the device is not available.
    """
    # Upstream fills holes only where its compiled extension is installed, so neither of the two fills them here.
    model = load_sam2(weights, device=device, image_size=image_size)
    ours = Sam2Propagator(model, min_area_px=1, max_hole_area_px=0)
    variant = sam2_variant(read_state_dict(weights), source=str(weights))
    theirs = upstream_predictor(weights, variant, device=device, image_size=image_size)
    return _checks(ours, theirs)


def _checks(ours: Sam2Propagator, theirs: SAM2VideoPredictor) -> Iterator[Check]:
    with written_frames(PanningVideo()) as folder:
        for direction in Direction:
            yield _masks(ours, theirs, direction, folder)
        yield _prompts(ours, theirs, folder)


def _masks(ours: Sam2Propagator, theirs: SAM2VideoPredictor, direction: Direction, folder: Path) -> Check:
    clip, prompts = Clip(PanningVideo(), 0, _N_FRAMES - 1), _discs()
    expected, upstream_s = _timed(lambda: upstream_masks(theirs, clip, prompts, direction, folder=folder))
    found, ours_s = _timed(lambda: ours.propagate(clip, prompts, direction))
    parity = compare(found.masks, expected, min_area_px=1)
    return Check(f"masks {direction}", parity.n_masks, parity.worst_iou, parity.n_ended_apart, upstream_s, ours_s)


def _prompts(ours: Sam2Propagator, theirs: SAM2VideoPredictor, folder: Path) -> Check:
    """Points, a box and masks on several frames, propagated to both ends of the clip."""
    video, middle, last = PanningVideo(), _N_FRAMES // 2, _N_FRAMES - 1
    prompts = Prompts.concatenate(
        [
            Prompts.of_points(_SIZE, object=1, frame=middle, xy=[(130, 90)], labels=[1]),
            Prompts.of_points(_SIZE, object=1, frame=middle, xy=[(60, 40)], labels=[0], adds=True),
            Prompts.of_boxes(_SIZE, object=[2], frame=middle, boxes_xyxy=[(40, 30, 100, 90)]),
            Prompts.of_masks(_discs(), object=[3, 4, 5], frame=middle),
            Prompts.of_points(_SIZE, object=2, frame=last, xy=[(70, 60)], labels=[1]),
        ]
    )

    def upstream() -> list[Rles]:
        session = UpstreamSession(theirs, video, folder=folder)
        session.prompt(prompts)
        return [rles for end in (last, 0) for _, rles in session.propagate(middle, end)]

    def mine() -> list[Rles]:
        session = ours.session(video)
        session.prompt(prompts)
        return [masks.rles for end in (last, 0) for masks in session.propagate(middle, end)]

    expected, upstream_s = _timed(upstream)
    found, ours_s = _timed(mine)
    ious = np.concatenate([_same_iou(*pair) for pair in zip(found, expected, strict=True)])
    return Check("prompts both ways", len(ious), float(ious.min()), 0, upstream_s, ours_s)


def _same_iou(masks: Rles, others: Rles) -> Float64[np.ndarray, " n"]:
    """IoU of each mask with the other of its row; 1 where both are empty."""
    both_empty = (masks.area_px() == 0) & (others.area_px() == 0)
    return np.where(both_empty, 1.0, masks.iou(others).diagonal())


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _discs() -> Rles:
    y, x = np.mgrid[: _SIZE[0], : _SIZE[1]]
    return Rles.from_masks(np.array([(x - u) ** 2 + (y - v) ** 2 <= radius**2 for u, v, radius in _DISCS_XYR]))


class PanningVideo:
    """A video of a camera that pans over a photograph."""

    @cached_property
    def info(self) -> VideoInfo:
        return VideoInfo("panning", "panning", _N_FRAMES, *_SIZE, fps=25.0)

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        return np.arange(_N_FRAMES) / 25.0

    def __len__(self) -> int:
        return _N_FRAMES

    def __getitem__(self, index: int) -> Frame:
        left = 120 + index * _STEP_PX
        return Frame(index, index / 25.0, skimage.data.astronaut()[60 : 60 + _SIZE[0], left : left + _SIZE[1]])

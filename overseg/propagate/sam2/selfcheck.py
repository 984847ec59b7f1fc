"""Checks that our SAM 2 gives upstream's masks on this machine, with the same weights and frames."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from jaxtyping import Float64
from sam2.sam2_video_predictor import SAM2VideoPredictor

from overseg.data.check import Check
from overseg.data.frame import Frame
from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.video_info import VideoInfo
from overseg.data.visit import Direction
from overseg.propagate.sam2.model import compile_parts, load_sam2, sam2_variant
from overseg.propagate.sam2.parity import UpstreamSession, compare, upstream_masks, upstream_predictor, written_frames
from overseg.propagate.sam2.propagator import MemoryPropagator, Sam2Propagator
from overseg.stages import Clip, Video
from overseg.weights.state_dict import read_state_dict

_LIMITS = {False: (0.999, 0.999), True: (0.99, 0.999)}  # worst and median IoU, by whether precision is mixed
_N_FRAMES = 5
_SIZE = (180, 260)
_STEP_PX = 6
_DISCS_XYR = ((130, 90, 60), (70, 60, 30), (190, 120, 25))
Result = TypeVar("Result")


def selfcheck(
    weights: Path,
    *,
    device: str,
    image_size: int,
    dtype: str = "float32",
    compile: bool = False,
    video: Video | None = None,
) -> Iterator[Check]:
    """Load the weights, and yield one comparison after another.

    In bfloat16 the first comparison is of upstream with itself, one object at a time and all at once: rounding depends
    on the batch size. Ours pass if they are as near to one of the two as these are to each other, or within the usual
    limits. On a CPU ours compute one object at a time, on a GPU many at once.

    Args:
        weights: a SAM 2 or SAM 2.1 checkpoint.
        device: "cpu", "cuda", "cuda:1", "mps".
        image_size: side in pixels of the square that frames are resized to.
        dtype: "float32" or "bfloat16", of both.
        compile: whether our parts run as compiled graphs.
        video: frames, of which the first five are used; None for a photograph over which the camera pans.

    Raises:
        WeightsError: the file is missing, damaged, or holds something else.
        SettingsError: `image_size` is not a positive multiple of 32.
        DeviceError: the device is not available.
    """
    # Upstream fills holes only where its compiled extension is installed, so neither of the two fills them here.
    model = load_sam2(weights, device=device, image_size=image_size)
    if compile:
        compile_parts(model)
    ours = Sam2Propagator(model, dtype=dtype, min_area_px=1, max_hole_area_px=0)
    variant = sam2_variant(read_state_dict(weights), source=str(weights))

    def upstream(*, all_at_once: bool = False) -> SAM2VideoPredictor:
        return upstream_predictor(weights, variant, device=device, image_size=image_size, all_at_once=all_at_once)

    frames = PanningVideo() if video is None else FirstFrames(video)
    return _Comparison(ours, upstream, frames, torch.device(device).type, is_mixed=dtype == "bfloat16").checks()


@dataclass(frozen=True)
class _Comparison:
    """Our propagator and upstream's on the same frames.

    Attributes:
        ours: the propagator.
        upstream: makes a predictor.
        video: the frames.
        device_type: "cpu", "cuda", "mps".
        is_mixed: whether both compute in mixed precision with bfloat16.
    """

    ours: Sam2Propagator
    upstream: Callable[..., SAM2VideoPredictor]
    video: Video
    device_type: str
    is_mixed: bool

    def checks(self) -> Iterator[Check]:
        theirs, limits = [self.upstream()], _LIMITS[self.is_mixed]
        with written_frames(self.video) as folder:
            if self.is_mixed:
                theirs.append(self.upstream(all_at_once=True))
                spread = self._spread(theirs[0], theirs[1], folder)
                yield replace(spread, least_worst_iou=0.0, least_median_iou=0.0)
                limits = min(limits[0], spread.worst_iou), min(limits[1], spread.median_iou)
            for checks in zip(*(self._compared(one, folder) for one in theirs), strict=True):
                nearest = max(checks, key=lambda check: (check.median_iou, check.worst_iou))
                yield replace(nearest, least_worst_iou=limits[0], least_median_iou=limits[1])

    def _compared(self, theirs: SAM2VideoPredictor, folder: Path) -> Iterator[Check]:
        def session() -> UpstreamSession:
            return UpstreamSession(theirs, self.video, folder=folder)

        return compared(self.ours, session, self.video, precision=self._precision)

    def _precision(self) -> torch.autocast:
        """That in which upstream's code computes. Ours sets its own."""
        return torch.autocast(self.device_type, torch.bfloat16, enabled=self.is_mixed)

    def _upstream_masks(self, theirs: SAM2VideoPredictor, direction: Direction, folder: Path) -> dict[int, Rles]:
        with self._precision():
            clip, discs = _whole(self.video), _discs(self.video.info.size)
            return upstream_masks(theirs, clip, discs, direction, folder=folder)

    def _spread(self, theirs: SAM2VideoPredictor, others: SAM2VideoPredictor, folder: Path) -> Check:
        """Upstream, one object at a time, and all at once."""
        one, one_s = _timed(lambda: self._upstream_masks(theirs, Direction.FORWARD, folder))
        all_, all_s = _timed(lambda: self._upstream_masks(others, Direction.FORWARD, folder))
        ious = np.concatenate([_same_iou(all_[frame], one[frame]) for frame in one])
        return _check("upstream, batches", ious, one_s, all_s)


class OtherSession(Protocol):
    """Objects of a video that another implementation propagates."""

    def prompt(self, prompts: Prompts) -> Rles:
        """Add prompts, and return the mask of each."""
        ...

    def propagate(self, first: int, last: int) -> Iterator[tuple[int, Rles]]:
        """The number and one mask per object for every frame from `first` to `last`."""
        ...


def compared(
    ours: MemoryPropagator,
    other: Callable[[], OtherSession],
    video: Video,
    *,
    precision: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Iterator[Check]:
    """Compare with another implementation: masks in both directions, and prompts of all kinds.

    Args:
        ours: with a minimum area of 1 pixel.
        other: makes a session of the video.
        video: a few frames.
        precision: that in which the other implementation computes. Ours sets its own.
    """
    for direction in Direction:
        yield _masks_compared(ours, other, video, direction, precision)
    yield _prompts_compared(ours, other, video, precision)


def _masks_compared(
    ours: MemoryPropagator,
    other: Callable[[], OtherSession],
    video: Video,
    direction: Direction,
    precision: Callable[[], AbstractContextManager[Any]],
) -> Check:
    clip, discs = _whole(video), _discs(video.info.size)
    first, last = (clip.start, clip.stop) if direction is Direction.FORWARD else (clip.stop, clip.start)

    def theirs() -> dict[int, Rles]:
        with precision():
            session = other()
            session.prompt(Prompts.of_masks(discs, object=range(len(discs)), frame=first))
            return {frame: rles for frame, rles in session.propagate(first, last) if frame != first}

    expected, upstream_s = _timed(theirs)
    found, ours_s = _timed(lambda: ours.propagate(clip, discs, direction))
    parity = compare(found.masks, expected, min_area_px=1)
    ious = parity.worst_iou, parity.median_iou
    return Check(f"masks {direction}", parity.n_masks, *ious, parity.n_ended_apart, upstream_s, ours_s)


def _prompts_compared(
    ours: MemoryPropagator,
    other: Callable[[], OtherSession],
    video: Video,
    precision: Callable[[], AbstractContextManager[Any]],
) -> Check:
    """Points, a box and masks on several frames, propagated to both ends of the clip."""
    middle, last = len(video) // 2, len(video) - 1
    prompts = _prompts(video.info.size, middle, last)

    def theirs() -> list[Rles]:
        with precision():
            session = other()
            session.prompt(prompts)
            return [rles for end in (last, 0) for _, rles in session.propagate(middle, end)]

    def mine() -> list[Rles]:
        session = ours.session(video)
        session.prompt(prompts)
        return [masks.rles for end in (last, 0) for masks in session.propagate(middle, end)]

    expected, upstream_s = _timed(theirs)
    found, ours_s = _timed(mine)
    ious = np.concatenate([_same_iou(*pair) for pair in zip(found, expected, strict=True)])
    return _check("prompts both ways", ious, upstream_s, ours_s)


def _whole(video: Video) -> Clip:
    return Clip(video, 0, len(video) - 1)


def _check(what: str, ious: Float64[np.ndarray, " n"], upstream_s: float, ours_s: float) -> Check:
    return Check(what, len(ious), float(ious.min()), float(np.median(ious)), 0, upstream_s, ours_s)


def _prompts(size: tuple[int, int], middle: int, last: int) -> Prompts:
    """Points, a box and masks on two frames, at the same places of pictures of any size."""
    scale = np.array(size[::-1]) / _SIZE[::-1]

    def at(*xy: tuple[int, int]) -> list[tuple[float, float]]:
        return [tuple(scale * one) for one in xy]

    (x1, y1), (x2, y2) = at((40, 30), (100, 90))
    discs = _discs(size)
    return Prompts.concatenate(
        [
            Prompts.of_points(size, object=1, frame=middle, xy=at((130, 90)), labels=[1]),
            Prompts.of_points(size, object=1, frame=middle, xy=at((60, 40)), labels=[0], adds=True),
            Prompts.of_boxes(size, object=[2], frame=middle, boxes_xyxy=[(x1, y1, x2, y2)]),
            Prompts.of_masks(discs, object=[3, 4, 5], frame=middle),
            Prompts.of_points(size, object=2, frame=last, xy=at((70, 60)), labels=[1]),
        ]
    )


def _same_iou(masks: Rles, others: Rles) -> Float64[np.ndarray, " n"]:
    """IoU of each mask with the other of its row; 1 where both are empty."""
    both_empty = (masks.area_px() == 0) & (others.area_px() == 0)
    return np.where(both_empty, 1.0, masks.iou(others).diagonal())


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _discs(size: tuple[int, int]) -> Rles:
    scale_y, scale_x = np.array(size) / _SIZE
    y, x = np.mgrid[: size[0], : size[1]]
    x, y = x / scale_x, y / scale_y
    return Rles.from_masks(np.array([(x - u) ** 2 + (y - v) ** 2 <= radius**2 for u, v, radius in _DISCS_XYR]))


@dataclass(frozen=True)
class FirstFrames:
    """The first five frames of a video, or fewer."""

    video: Video

    @cached_property
    def info(self) -> VideoInfo:
        return replace(self.video.info, n_frames=len(self))

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        return self.video.timestamps_s[: len(self)]

    def __len__(self) -> int:
        return min(_N_FRAMES, len(self.video))

    def __getitem__(self, index: int) -> Frame:
        return self.video[index]


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
        import skimage.data

        left = 120 + index * _STEP_PX
        return Frame(index, index / 25.0, skimage.data.astronaut()[60 : 60 + _SIZE[0], left : left + _SIZE[1]])

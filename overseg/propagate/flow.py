"""Propagates masks by dense optical flow, without weights."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int8, UInt8

from overseg.data.crops import Box, crops
from overseg.data.machine import Machine
from overseg.data.masklets import End, Masklets, PropagatedMasks
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.propagate.pair_flow import PairFlow
from overseg.stages import Clip, Direction
from overseg.video.flow_check import Origins, consistent, pixel_axes

_BLOCK_PX = 8  # blocks of this side know where their pixels come from, to find those that a mask can reach
_SMALL_PX = 480  # frames with a shorter longer side are not halved for the flow from one to the next
_LEAST_PX = 16  # DIS needs two patches along a side
_SLACK_PX2 = 0.5  # of the forward-backward check, in pixels of the picture that is not halved, squared
_WINDOW_PX = 7
_CLEARLY_BETTER = 1.0  # in grey levels; smaller differences are noise, and give masks on plain surfaces ragged borders
_LENIENT_SUPPORT = 0.25  # where somebody else checks the masks, too
_PIECE_SHARE = 0.1  # of the largest piece's area; smaller pieces that the prompt did not have are dropped
_MASKS_AT_ONCE = 32  # masks drawn at full size before they are encoded; this bounds memory


def build(settings: Settings, machine: Machine) -> "FlowPropagator":
    """The propagator that the settings describe."""
    return FlowPropagator(min_area_px=settings.min_area_px)


class FlowPropagator:
    """Propagates each mask's pixels through a clip by DIS optical flow (Kroeger et al., ECCV 2016).

    All masks of a clip share the flow of its frames. The flows are chained from the prompt's frame, and the chained
    flow is refined against that frame, so that errors do not add up. Each mask is sampled from its prompt directly,
    and never from a mask that was sampled before.
    """

    def __init__(self, *, min_area_px: int = 100, min_support: float = 0.5, flow_size_px: int = 960) -> None:
        """
        Args:
            min_area_px: a masklet ends where its mask is smaller, in pixels.
            min_support: a masklet ends where a smaller share of its pixels, in [0, 1], passed the forward-backward
                check on every frame since its prompt. This share is the mask's score.
            flow_size_px: flow is computed on frames that are shrunk to a longer side of this length, in pixels; from
                one frame to the next, on halves of them.
        """
        self._min_area_px = max(1, min_area_px)
        self._min_support = min_support
        self._flow_size_px = flow_size_px
        self._pairs = PairFlow(_sharp_dis())
        self._refining_dis = _sharp_dis()
        self._refining_dis.setPatchStride(6)  # it starts near the solution: fewer patches are enough,
        self._refining_dis.setVariationalRefinementIterations(0)  # and smoothing takes as long as all of them

    def lenient(self) -> "FlowPropagator":
        """The same, with masklets that end at a lower support; see `stages.LenientPropagator`."""
        lenient = copy(self)
        lenient._min_support = min(self._min_support, _LENIENT_SUPPORT)
        return lenient

    def clip_work(self, n_frames: int, n_masks: int) -> float:
        """0.12 passes for a frame's flows, and 0.0004 for drawing a mask; see `stages.MaskPropagator`."""
        return 0.12 * n_frames + 0.0004 * n_masks

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        """Propagate `prompts` to the clip's other end; see `stages.MaskPropagator`."""
        ends = np.full(len(prompts), End.CLIP, np.int8)
        if len(clip) == 1:
            return Masklets.in_order([], ends, prompts.size)
        is_small = prompts.area_px() < self._min_area_px
        ends[is_small] = End.SMALL
        rows = np.flatnonzero(~is_small)
        masklets = [_PromptCrop.of(*one) for one in zip(rows.tolist(), crops(prompts.take(rows)), strict=True)]
        frames: list[PropagatedMasks] = []
        if masklets:
            for frame, path in self._paths(clip, direction):
                masks, masklets = self._propagate_to(frame, masklets, path, ends)
                frames.append(masks)
                if not masklets:
                    break
        return Masklets.in_order(frames, ends, prompts.size)

    def _paths(self, clip: Clip, direction: Direction) -> "Iterator[tuple[int, _Path]]":
        """For every frame after the first: its index and the path of its pixels back to the prompt's frame."""
        first, previous, path = None, None, None
        for frame in clip.frames(direction):
            grey = self._shrink(cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY))
            small = grey if max(grey.shape) < _SMALL_PX else _resampled(grey, 0.5)
            if first is None or previous is None or path is None:
                first, previous, path = grey, small, _Path.start(frame.size)
                is_next_to_first = True
                continue
            there, back = self._pairs.between(previous, small)
            is_consistent = consistent(there, back, _SLACK_PX2 * (small.shape[1] / grey.shape[1]) ** 2)
            path = path.extended(_scaled(back, frame.size), _resize(is_consistent, frame.size))
            if not is_next_to_first:
                path = self._refined(path, grey, first)
            previous, is_next_to_first = small, False
            yield frame.index, path

    def _refined(self, path: "_Path", grey: UInt8[np.ndarray, "a b"], first: UInt8[np.ndarray, "a b"]) -> "_Path":
        """The path, with the direct flow to the prompt's frame where its error is clearly smaller."""
        chained = _scaled(path.flow(), grey.shape)
        direct = self._refining_dis.calc(grey, first, chained.copy())
        better = _flow_error(grey, first, direct) + _CLEARLY_BETTER < _flow_error(grey, first, chained)
        return path.with_flow(_scaled(direct, path.size), where=_resize(better, path.size))

    def _shrink(self, grey: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "a b"]:
        return _resampled(grey, min(1.0, self._flow_size_px / max(grey.shape)))

    def _propagate_to(
        self, frame: int, masklets: "list[_PromptCrop]", path: "_Path", ends: Int8[np.ndarray, " p"]
    ) -> "tuple[PropagatedMasks, list[_PromptCrop]]":
        """The masks of one frame, and the masklets that have not ended.

        Args:
            frame: its number.
            masklets: those that have not ended before.
            path: of the frame's pixels.
            ends: by prompt, the reason why its masklet ended. It is filled in here.
        """
        found: list[tuple[_PromptCrop, Rles, float]] = []
        bounds = path.block_bounds()
        for at in range(0, len(masklets), _MASKS_AT_ONCE):
            batch = masklets[at : at + _MASKS_AT_ONCE]
            drawn = np.zeros((len(batch), *path.size[::-1]), dtype=bool)  # columns first, as masks are encoded
            drawings = [one.draw(path, bounds, on=drawn[i].T) for i, one in enumerate(batch)]
            area_px, support = np.array(drawings).T
            is_small, is_lost = area_px < self._min_area_px, support < self._min_support
            ends[[one.prompt for one in batch]] = np.select([is_small, is_lost], [End.SMALL, End.LOST], End.CLIP)
            kept = np.flatnonzero(~(is_small | is_lost))
            rles = Rles.from_masks(drawn[kept].transpose(0, 2, 1))
            found += [(batch[i], rles.take([k]), float(support[i])) for k, i in enumerate(kept)]
        masks = PropagatedMasks(
            rles=Rles.concatenate(path.size, (rles for _, rles, _ in found)),
            prompt=np.array([one.prompt for one, _, _ in found], dtype=np.int32),
            frame=np.full(len(found), frame, dtype=np.int32),
            score=np.array([support for _, _, support in found], dtype=np.float32),
        )
        return masks, [one for one, _, _ in found]


@dataclass(frozen=True)
class _Path:
    """The place of each pixel of a frame on the prompt's frame.

    Attributes:
        x, y: of that place, in pixels.
        unbroken: whether the flows on the way back to it were consistent on every frame.
        entered: whether the pixel came into the picture on the way; x and y are then of a pixel at the picture's edge.
    """

    x: Float32[np.ndarray, "h w"]
    y: Float32[np.ndarray, "h w"]
    unbroken: Bool[np.ndarray, "h w"]
    entered: Bool[np.ndarray, "h w"]

    @classmethod
    def start(cls, size: tuple[int, int]) -> "_Path":
        x, y = (np.ascontiguousarray(np.broadcast_to(axis, size)) for axis in pixel_axes(size))
        return cls(x, y, np.ones(size, dtype=bool), np.zeros(size, dtype=bool))

    @property
    def size(self) -> tuple[int, int]:
        return self.x.shape[0], self.x.shape[1]

    def extended(self, back: Float32[np.ndarray, "h w 2"], consistent: Bool[np.ndarray, "h w"]) -> "_Path":
        """The path of the next frame; `back` is the flow from it to this frame."""
        origins = Origins.of(back)
        return _Path(
            origins.interpolated(self.x),
            origins.interpolated(self.y),
            unbroken=origins.nearest(self.unbroken) & consistent & ~origins.outside,
            entered=origins.nearest(self.entered) | origins.outside,
        )

    def flow(self) -> Float32[np.ndarray, "h w 2"]:
        """The flow from each pixel to its place on the prompt's frame, in pixels."""
        x_axis, y_axis = pixel_axes(self.size)
        return np.stack([self.x - x_axis, self.y - y_axis], axis=-1)

    def with_flow(self, flow: Float32[np.ndarray, "h w 2"], *, where: Bool[np.ndarray, "h w"]) -> "_Path":
        """The same path with another flow for some pixels; those that came into the picture keep theirs."""
        kept = self.entered | ~where
        x, y = (
            np.where(kept, known, axis + flow[..., i])
            for i, (known, axis) in enumerate(zip((self.x, self.y), pixel_axes(self.size), strict=True))
        )
        return _Path(x, y, self.unbroken, self.entered)

    def block_bounds(self) -> Float32[np.ndarray, "4 a b"]:
        """The least and greatest x, and the least and greatest y, of each block of the frame."""
        block, from_its_corner = np.ones((_BLOCK_PX, _BLOCK_PX), np.uint8), (0, 0)
        bounds = [
            bound(axis, block, anchor=from_its_corner) for axis in (self.x, self.y) for bound in (cv2.erode, cv2.dilate)
        ]
        return np.stack([bound[::_BLOCK_PX, ::_BLOCK_PX] for bound in bounds])


@dataclass(frozen=True)
class _PromptCrop:
    """A prompt mask, cropped to its box.

    Attributes:
        prompt: the row of the prompt.
        corner_xy: the box's corner.
        cut: the crop, 0 or 255.
        n_pieces: how many connected parts the mask has.
    """

    prompt: int
    corner_xy: tuple[int, int]
    cut: UInt8[np.ndarray, "a b"]
    n_pieces: int

    @classmethod
    def of(cls, prompt: int, crop: tuple[Box, Bool[np.ndarray, "x y"]]) -> "_PromptCrop":
        """A mask as `crops` returns it."""
        (columns, rows), inside = crop
        cut = inside.T.view(np.uint8) * np.uint8(255)
        return cls(prompt, (columns.start, rows.start), cut, cv2.connectedComponents(cut)[0] - 1)

    def draw(
        self, path: _Path, bounds: Float32[np.ndarray, "4 i j"], *, on: Bool[np.ndarray, "h w"]
    ) -> tuple[int, float]:
        """Draw the propagated mask, and return its area and the share of it with an unbroken path."""
        (left, top), (height, width) = self.corner_xy, self.cut.shape
        reached = (
            (bounds[1] > left - 1) & (bounds[0] < left + width) & (bounds[3] > top - 1) & (bounds[2] < top + height)
        )
        rows, columns = np.flatnonzero(reached.any(axis=1)), np.flatnonzero(reached.any(axis=0))
        if not len(rows):
            return 0, 0.0
        window = np.s_[
            rows[0] * _BLOCK_PX : (rows[-1] + 1) * _BLOCK_PX, columns[0] * _BLOCK_PX : (columns[-1] + 1) * _BLOCK_PX
        ]
        sampled = cv2.remap(self.cut, path.x[window] - left, path.y[window] - top, cv2.INTER_LINEAR)
        mask = _without_debris(sampled >= 128, self.n_pieces)
        on[window] = mask
        area = int(np.count_nonzero(mask))
        return area, np.count_nonzero(mask & path.unbroken[window]) / area if area else 0.0


def _without_debris(mask: Bool[np.ndarray, "h w"], n_pieces: int) -> Bool[np.ndarray, "h w"]:
    """The mask without small pieces besides its `n_pieces` largest: flow tears them off at the borders of objects."""
    n, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    if n - 1 <= n_pieces:
        return mask
    area_px = stats[1:, cv2.CC_STAT_AREA]
    is_kept = area_px >= _PIECE_SHARE * area_px.max()
    is_kept[np.argsort(-area_px, kind="stable")[:n_pieces]] = True
    return mask if is_kept.all() else np.append(False, is_kept)[labels]


def _sharp_dis() -> cv2.DISOpticalFlow:
    """OpenCV's medium preset with half the smoothness weight and twice the colour weight, for sharper borders."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setVariationalRefinementAlpha(10.0)
    dis.setVariationalRefinementDelta(10.0)
    dis.setFinestScale(0)
    return dis


def _resampled(grey: UInt8[np.ndarray, "h w"], scale: float) -> UInt8[np.ndarray, "a b"]:
    height, width = (max(_LEAST_PX, round(side * scale)) for side in grey.shape)
    return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)


def _flow_error(
    grey: UInt8[np.ndarray, "a b"], first: UInt8[np.ndarray, "a b"], flow: Float32[np.ndarray, "a b 2"]
) -> Float32[np.ndarray, "a b"]:
    """Difference between a frame and the prompt's frame warped to it: the mean over a small window, in grey levels."""
    x_axis, y_axis = pixel_axes((flow.shape[0], flow.shape[1]))
    warped = cv2.remap(first, x_axis + flow[..., 0], y_axis + flow[..., 1], cv2.INTER_LINEAR)
    return cv2.blur(cv2.absdiff(warped, grey).astype(np.float32), (_WINDOW_PX, _WINDOW_PX))


def _scaled(flow: Float32[np.ndarray, "a b 2"], size: tuple[int, int]) -> Float32[np.ndarray, "h w 2"]:
    """A flow field resized to (height, width), with its vectors in pixels of that size."""
    scale = np.array([size[1] / flow.shape[1], size[0] / flow.shape[0]], dtype=np.float32)
    return cv2.resize(flow, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) * scale


def _resize(flags: Bool[np.ndarray, "a b"], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    return cv2.resize(flags.view(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST).view(bool)

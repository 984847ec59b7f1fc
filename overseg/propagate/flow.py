"""Propagates masks by dense optical flow. Needs no weights."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int8, UInt8

from overseg.data.crops import Box, crops
from overseg.data.machine import Machine
from overseg.data.masklets import End, Masklets, PropagatedMasks
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.stages import Clip, Direction

_BLOCK_PX = 8  # the sampling map is bounded per block of this side, to find where a mask can land
_SMALL_PX = 480  # frames whose longer side is shorter have no detail to spare: flow is computed at full resolution
_WINDOW_PX = 7
_CLEARLY_BETTER = 1.0  # in grey levels; less is noise, and plain surfaces would get ragged borders
_MASKS_AT_ONCE = 32  # masks drawn full-size before they are encoded; bounds memory


def build(settings: Settings, machine: Machine) -> "FlowPropagator":
    """The propagator that the settings describe."""
    return FlowPropagator(min_area_px=settings.min_area_px)


class FlowPropagator:
    """Follows every mask's pixels through a clip by DIS optical flow (Kroeger et al., ECCV 2016).

    All masks of a clip share the flow of its frames. The flows are chained from the prompt's frame, and what they add
    up to is mended against that frame itself, so that errors do not add up. So a mask is sampled from its prompt once,
    and never from a sample of a sample.
    """

    def __init__(self, *, min_area_px: int = 100, min_support: float = 0.5, flow_size_px: int = 960) -> None:
        """
        Args:
            min_area_px: a masklet ends where its mask is smaller, in pixels.
            min_support: a masklet ends where a smaller share of its pixels, in [0, 1], passed the forward-backward
                check on every frame since its prompt. The share is the score of its masks.
            flow_size_px: flow is computed on frames shrunk to this length of the longer side, in pixels.
        """
        self._min_area_px = max(1, min_area_px)
        self._min_support = min_support
        self._flow_size_px = flow_size_px
        self._dis = _sharp_dis()
        self._mending_dis = _sharp_dis()
        self._mending_dis.setFinestScale(0)  # it starts near the truth: fewer steps find it, at full resolution
        self._mending_dis.setPatchStride(4)
        self._mending_dis.setVariationalRefinementIterations(3)

    def clip_work(self, n_frames: int, n_masks: int) -> float:
        """The flows of a frame, and drawing the masks; see `stages.MaskPropagator`."""
        return 0.12 * n_frames + 0.0004 * n_masks

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        """Propagate `prompts` to the clip's other end; see `stages.MaskPropagator`."""
        ends = np.full(len(prompts), End.CLIP, np.int8)
        if len(clip) == 1:
            return Masklets.in_order([], ends, prompts.size)
        is_small = prompts.area_px() < self._min_area_px
        ends[is_small] = End.SMALL
        rows = np.flatnonzero(~is_small)
        followed = [_Followed.of(*one) for one in zip(rows.tolist(), crops(prompts.take(rows)), strict=True)]
        steps: list[PropagatedMasks] = []
        if followed:
            for frame, path in self._paths(clip, direction):
                masks, followed = self._land(followed, path, frame, ends)
                steps.append(masks)
                if not followed:
                    break
        return Masklets.in_order(steps, ends, prompts.size)

    def _paths(self, clip: Clip, direction: Direction) -> "Iterator[tuple[int, _Path]]":
        """For every frame after the first: its index and the path of its pixels back to the prompt's frame."""
        first, previous, path = None, None, None
        for frame in clip.frames(direction):
            grey = self._shrink(cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY))
            if first is None or previous is None or path is None:
                self._dis.setFinestScale(0 if max(grey.shape) < _SMALL_PX else 1)
                first, previous, path = grey, grey, _Path.start(frame.size)
                continue
            there = self._dis.calc(previous, grey, None)  # type: ignore[call-overload]
            back = self._dis.calc(grey, previous, None)  # type: ignore[call-overload]
            path = path.extended(_scaled(back, frame.size), _resize(_consistent(there, back), frame.size))
            if previous is not first:
                path = self._mended(path, grey, first)
            previous = grey
            yield frame.index, path

    def _mended(self, path: "_Path", grey: UInt8[np.ndarray, "a b"], first: UInt8[np.ndarray, "a b"]) -> "_Path":
        """The path along the flow from a frame to the prompt's, where that explains the picture clearly better."""
        chained = _scaled(path.flow(), grey.shape)
        direct = self._mending_dis.calc(grey, first, chained.copy())
        better = _unlikeness(grey, first, direct) + _CLEARLY_BETTER < _unlikeness(grey, first, chained)
        return path.along(_scaled(direct, path.size), where=_resize(better, path.size))

    def _shrink(self, grey: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "a b"]:
        scale = min(1.0, self._flow_size_px / max(grey.shape))
        height, width = (max(16, round(side * scale)) for side in grey.shape)  # DIS needs at least a patch or two
        return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)

    def _land(
        self, followed: "list[_Followed]", path: "_Path", frame: int, ends: Int8[np.ndarray, " p"]
    ) -> "tuple[PropagatedMasks, list[_Followed]]":
        """The masks of one frame, and those of them that go on; `ends` is told of the others, by prompt."""
        landed: list[tuple[_Followed, Rles, float]] = []
        bounds = path.block_bounds()
        for at in range(0, len(followed), _MASKS_AT_ONCE):
            batch = followed[at : at + _MASKS_AT_ONCE]
            drawn = np.zeros((len(batch), *path.size[::-1]), dtype=bool)  # columns first, as masks are encoded
            drawings = [one.draw(path, bounds, on=drawn[i].T) for i, one in enumerate(batch)]
            area_px, support = np.array(drawings).T
            is_small, is_lost = area_px < self._min_area_px, support < self._min_support
            ends[[one.prompt for one in batch]] = np.select([is_small, is_lost], [End.SMALL, End.LOST], End.CLIP)
            kept = np.flatnonzero(~(is_small | is_lost))
            rles = Rles.from_masks(drawn[kept].transpose(0, 2, 1))
            landed += [(batch[i], rles.take([k]), float(support[i])) for k, i in enumerate(kept)]
        masks = PropagatedMasks(
            rles=Rles.concatenate(path.size, (rles for _, rles, _ in landed)),
            prompt=np.array([one.prompt for one, _, _ in landed], dtype=np.int32),
            frame=np.full(len(landed), frame, dtype=np.int32),
            score=np.array([support for _, _, support in landed], dtype=np.float32),
        )
        return masks, [one for one, _, _ in landed]


@dataclass(frozen=True)
class _Path:
    """Where each pixel of a frame was on the prompt's frame.

    Attributes:
        x, y: of that place, in pixels.
        unbroken: whether the pixel was followed there without a break.
        entered: whether it came into the picture on the way; x and y are of a pixel that was at the picture's edge.
    """

    x: Float32[np.ndarray, "h w"]
    y: Float32[np.ndarray, "h w"]
    unbroken: Bool[np.ndarray, "h w"]
    entered: Bool[np.ndarray, "h w"]

    @classmethod
    def start(cls, size: tuple[int, int]) -> "_Path":
        y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
        return cls(x, y, np.ones(size, dtype=bool), np.zeros(size, dtype=bool))

    @property
    def size(self) -> tuple[int, int]:
        return self.x.shape[0], self.x.shape[1]

    def extended(self, back: Float32[np.ndarray, "h w 2"], consistent: Bool[np.ndarray, "h w"]) -> "_Path":
        """The path from the next frame, whose pixels came from here by the flow `back`."""
        start = _Path.start(self.size)
        from_x, from_y = start.x + back[..., 0], start.y + back[..., 1]
        outside = (from_x < 0) | (from_y < 0) | (from_x > self.size[1] - 1) | (from_y > self.size[0] - 1)
        x = cv2.remap(self.x, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        y = cv2.remap(self.y, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        unbroken, entered = (
            cv2.remap(flags.view(np.uint8), from_x, from_y, cv2.INTER_NEAREST).view(bool)
            for flags in (self.unbroken, self.entered)
        )
        return _Path(x, y, unbroken & consistent & ~outside, entered | outside)

    def flow(self) -> Float32[np.ndarray, "h w 2"]:
        """From each pixel, how far it is to where it was on the prompt's frame, in pixels."""
        start = _Path.start(self.size)
        return np.stack([self.x - start.x, self.y - start.y], axis=-1)

    def along(self, flow: Float32[np.ndarray, "h w 2"], *, where: Bool[np.ndarray, "h w"]) -> "_Path":
        """The same path with some of its pixels taken back by another flow, none that came into the picture."""
        start = _Path.start(self.size)
        kept = self.entered | ~where
        x, y = (
            np.where(kept, known, axis + flow[..., i])
            for i, (known, axis) in enumerate(((self.x, start.x), (self.y, start.y)))
        )
        return _Path(x, y, self.unbroken, self.entered)

    def block_bounds(self) -> Float32[np.ndarray, "4 a b"]:
        """For every block of the frame, the least and greatest x and y that its pixels come from."""
        height, width = (-(-side // _BLOCK_PX) * _BLOCK_PX for side in self.size)
        pad = ((0, height - self.size[0]), (0, width - self.size[1]))
        blocks = [
            np.pad(axis, pad, mode="edge").reshape(height // _BLOCK_PX, _BLOCK_PX, width // _BLOCK_PX, _BLOCK_PX)
            for axis in (self.x, self.y)
        ]
        return np.stack([bound(b, axis=(1, 3)) for b in blocks for bound in (np.min, np.max)])


@dataclass(frozen=True)
class _Followed:
    """A prompt mask, cut to its box: the row of the prompt, the box's corner and the cut-out (0 or 255)."""

    prompt: int
    corner_xy: tuple[int, int]
    cut: UInt8[np.ndarray, "a b"]

    @classmethod
    def of(cls, prompt: int, crop: tuple[Box, Bool[np.ndarray, "x y"]]) -> "_Followed":
        """A mask as `crops` has it."""
        (columns, rows), inside = crop
        return cls(prompt, (columns.start, rows.start), inside.T.view(np.uint8) * np.uint8(255))

    def draw(
        self, path: _Path, bounds: Float32[np.ndarray, "4 i j"], *, on: Bool[np.ndarray, "h w"]
    ) -> tuple[int, float]:
        """Draw this mask where the path takes it; its area, and the share of it that was followed without a break."""
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
        mask = sampled >= 128
        on[window] = mask
        area = int(np.count_nonzero(mask))
        return area, np.count_nonzero(mask & path.unbroken[window]) / area if area else 0.0


def _sharp_dis() -> cv2.DISOpticalFlow:
    """OpenCV's medium preset with half of its smoothness and twice its trust in colours: sharper borders of things."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setVariationalRefinementAlpha(10.0)
    dis.setVariationalRefinementDelta(10.0)
    return dis


def _unlikeness(
    grey: UInt8[np.ndarray, "a b"], first: UInt8[np.ndarray, "a b"], flow: Float32[np.ndarray, "a b 2"]
) -> Float32[np.ndarray, "a b"]:
    """How far the prompt's frame, brought here by a flow, is from a frame: mean over a small window, in grey levels."""
    start = _Path.start((flow.shape[0], flow.shape[1]))
    brought = cv2.remap(first, start.x + flow[..., 0], start.y + flow[..., 1], cv2.INTER_LINEAR)
    return cv2.blur(cv2.absdiff(brought, grey).astype(np.float32), (_WINDOW_PX, _WINDOW_PX))


def _consistent(there: Float32[np.ndarray, "h w 2"], back: Float32[np.ndarray, "h w 2"]) -> Bool[np.ndarray, "h w"]:
    """Pixels of the later frame whose flow back is undone by the flow there.

    The bound is that of Sundaram, Brox, Keutzer, "Dense point trajectories by GPU-accelerated large displacement
    optical flow", ECCV 2010, equation 5.
    """
    start = _Path.start((back.shape[0], back.shape[1]))
    returned = cv2.remap(there, start.x + back[..., 0], start.y + back[..., 1], cv2.INTER_LINEAR)
    return _squared(back + returned) < 0.01 * (_squared(back) + _squared(returned)) + 0.5


def _squared(vectors: Float32[np.ndarray, "h w 2"]) -> Float32[np.ndarray, "h w"]:
    """Their squared lengths; NumPy's sum over so short an axis takes seventeen times as long."""
    return vectors[..., 0] ** 2 + vectors[..., 1] ** 2


def _scaled(flow: Float32[np.ndarray, "a b 2"], size: tuple[int, int]) -> Float32[np.ndarray, "h w 2"]:
    """A flow field at `size`, its vectors in pixels of that size."""
    scale = np.array([size[1] / flow.shape[1], size[0] / flow.shape[0]], dtype=np.float32)
    return cv2.resize(flow, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) * scale


def _resize(flags: Bool[np.ndarray, "a b"], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    return cv2.resize(flags.view(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST).view(bool)

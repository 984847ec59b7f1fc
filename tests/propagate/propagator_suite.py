"""The tests of every MaskPropagator. Derive a test class from `PropagatorSuite`, with a fixture that makes one.

class TestFlow(PropagatorSuite):
    holds_still = True

    @pytest.fixture
    def make(self):
        return FlowPropagator  # or anything that takes min_area_px and returns a propagator
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import pytest
import skimage.data

from overseg.data.frame import Frame
from overseg.data.masklets import End, Masklets, PropagatedMasks
from overseg.data.rles import Rles
from overseg.data.video_info import VideoInfo
from overseg.data.visit import Direction
from overseg.stages import Clip, MaskPropagator

SIZE = (90, 120)
MakePropagator = Callable[..., MaskPropagator]


@dataclass(frozen=True)
class ArrayVideo:
    """A `Video` of these frames, uint8 [n, h, w, 3]."""

    frames: np.ndarray

    @cached_property
    def info(self) -> VideoInfo:
        n_frames, height, width, _ = self.frames.shape
        return VideoInfo("array", hashlib.sha256(self.frames.tobytes()).hexdigest(), n_frames, height, width, 25.0)

    @property
    def timestamps_s(self) -> np.ndarray:
        return np.arange(len(self)) / 25.0

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:
        return Frame(index, index / 25.0, self.frames[index])


@lru_cache
def panning_video(n_frames: int, size: tuple[int, int] = SIZE, step_px: int = 2) -> ArrayVideo:
    """A video of a camera that pans over a photograph: everything moves left by `step_px` pixels a frame."""
    picture = skimage.data.astronaut()
    height, width = size
    lefts = range(120, 120 + n_frames * step_px, step_px) if step_px else [120] * n_frames
    return ArrayVideo(np.stack([picture[60 : 60 + height, left : left + width] for left in lefts]))


def discs(size: tuple[int, int], *circles: tuple[int, int, int]) -> Rles:
    """One mask for every (x, y, radius), in pixels."""
    y, x = np.mgrid[: size[0], : size[1]]
    masks = [(x - centre_x) ** 2 + (y - centre_y) ** 2 <= radius**2 for centre_x, centre_y, radius in circles]
    return Rles.from_masks(np.array(masks, dtype=bool).reshape(-1, *size))


def three_discs(size: tuple[int, int] = SIZE) -> Rles:
    """Masks inside the picture: a large one, one of medium size, and one that overlaps the large one."""
    height, width = size
    return discs(
        size,
        (width // 2, height // 2, height // 3),
        (width // 3, height // 3, height // 5),
        (width // 2 + 2, height // 2, height // 4),
    )


def rows_of(masklets: Masklets, prompt: int) -> PropagatedMasks:
    return masklets.masks.take(masklets.masks.prompt == prompt)


class PropagatorSuite:
    """Properties that hold for every propagator.

    Attributes:
        holds_still: whether a mask hardly changes where nothing moves; not so with untrained weights.
        same_iou: least IoU of masks that are propagated alone and together, or forward and in a mirrored video.
    """

    holds_still = False
    same_iou = 1.0

    @pytest.fixture
    def make(self) -> MakePropagator:
        """A function that takes `min_area_px` and returns a propagator."""
        raise NotImplementedError("override the fixture `make`")

    def assert_same(self, masklets: Masklets, other: Masklets) -> None:
        found, expected = masklets.masks, other.masks
        assert masklets.end.tolist() == other.end.tolist()
        assert found.prompt.tolist() == expected.prompt.tolist()
        assert found.frame.tolist() == expected.frame.tolist()
        np.testing.assert_allclose(found.score, expected.score, atol=1e-3)
        if len(found):
            assert found.rles.iou(expected.rles).diagonal().min() >= self.same_iou

    def test_no_prompts_give_no_masks(self, make: MakePropagator) -> None:
        masklets = make(min_area_px=1).propagate(Clip(panning_video(3), 0, 2), Rles.empty(SIZE), Direction.FORWARD)
        assert len(masklets.masks) == len(masklets.end) == 0
        assert masklets.masks.rles.size == SIZE

    @pytest.mark.parametrize("direction", Direction)
    def test_a_clip_of_one_frame_gives_no_masks(self, make: MakePropagator, direction: Direction) -> None:
        masklets = make(min_area_px=1).propagate(Clip(panning_video(3), 1, 1), three_discs(), direction)
        assert len(masklets.masks) == 0
        assert masklets.masks.rles.size == SIZE
        assert masklets.end.tolist() == [End.CLIP] * 3

    def test_an_empty_prompt_ends_at_once(self, make: MakePropagator) -> None:
        empty = Rles.from_masks(np.zeros((1, *SIZE), dtype=bool))
        prompts = Rles.concatenate(SIZE, [three_discs(), empty])
        masklets = make(min_area_px=1).propagate(Clip(panning_video(3), 0, 2), prompts, Direction.FORWARD)
        assert set(masklets.masks.prompt.tolist()) == {0, 1, 2}
        assert masklets.end[3] == End.SMALL

    @pytest.mark.parametrize("direction", Direction)
    def test_rows_are_ordered_by_prompt_and_distance(self, make: MakePropagator, direction: Direction) -> None:
        clip = Clip(panning_video(6), 1, 4)
        masklets = make(min_area_px=1).propagate(clip, three_discs(), direction)
        assert masklets.masks.prompt.tolist() == sorted(masklets.masks.prompt.tolist())
        visited = [2, 3, 4] if direction is Direction.FORWARD else [3, 2, 1]
        for prompt in range(3):
            frames = rows_of(masklets, prompt).frame.tolist()
            assert frames
            assert frames == visited[: len(frames)]  # without a gap: a masklet that has ended does not start again
            assert (masklets.end[prompt] == End.CLIP) == (len(frames) == 3)

    @pytest.mark.parametrize("direction", Direction)
    def test_every_masklet_has_the_reason_of_its_end(self, make: MakePropagator, direction: Direction) -> None:
        """The minimum area is set to one pixel more than each mask's, one after another."""
        frames = panning_video(5, step_px=6).frames
        video = ArrayVideo(frames if direction is Direction.BACKWARD else np.ascontiguousarray(frames[::-1]))
        clip = Clip(video, 0, 4)
        prompts = discs(SIZE, (106, 30, 12), (96, 60, 16), (60, 45, 20), (60, 45, 44))  # two of them leave the picture
        free, ended = make(min_area_px=1).propagate(clip, prompts, direction), set()
        for limit_px in [1, *(np.unique(free.masks.rles.area_px()) + 1).tolist()]:
            bound = make(min_area_px=limit_px).propagate(clip, prompts, direction)
            for prompt in np.flatnonzero(prompts.area_px() >= limit_px).tolist():
                is_small = rows_of(free, prompt).rles.area_px() < limit_px
                n_rows = int(np.argmax(is_small)) if is_small.any() else len(is_small)
                assert len(rows_of(bound, prompt)) == n_rows
                assert bound.end[prompt] == (End.SMALL if is_small.any() else free.end[prompt])
                ended.add((n_rows, End(bound.end[prompt])))
            assert set(bound.end[prompts.area_px() < limit_px].tolist()) <= {End.SMALL}
        assert ended >= {(0, End.SMALL), (4, End.CLIP)}
        assert ended & {(1, End.SMALL), (2, End.SMALL), (3, End.SMALL)}

    def test_columns_fit_the_video(self, make: MakePropagator) -> None:
        masklets = make(min_area_px=1).propagate(Clip(panning_video(4), 0, 3), three_discs(), Direction.FORWARD)
        masks = masklets.masks
        assert masks.rles.size == SIZE
        assert masks.rles.to_masks().shape == (len(masks), *SIZE)
        assert masks.score.min() >= 0
        assert masks.score.max() <= 1

    @pytest.mark.parametrize("size", [(37, 53), (53, 37), (33, 160)])
    def test_odd_sizes(self, make: MakePropagator, size: tuple[int, int]) -> None:
        masklets = make(min_area_px=1).propagate(
            Clip(panning_video(3, size), 0, 2), three_discs(size), Direction.FORWARD
        )
        assert len(masklets.masks)
        assert masklets.masks.rles.to_masks().shape == (len(masklets.masks), *size)

    def test_masks_do_not_depend_on_each_other(self, make: MakePropagator) -> None:
        clip, prompts = Clip(panning_video(4), 0, 3), three_discs()
        together = make(min_area_px=1).propagate(clip, prompts, Direction.FORWARD)
        for prompt in range(len(prompts)):
            alone = make(min_area_px=1).propagate(clip, prompts.take([prompt]), Direction.FORWARD)
            rows = rows_of(together, prompt)
            self.assert_same(alone, Masklets(replace(rows, prompt=rows.prompt * 0), together.end[[prompt]]))

    def test_the_same_call_gives_exactly_the_same_masks(self, make: MakePropagator) -> None:
        clip, propagator = Clip(panning_video(4), 0, 3), make(min_area_px=1)
        first = propagator.propagate(clip, three_discs(), Direction.FORWARD)
        again = propagator.propagate(clip, three_discs(), Direction.FORWARD)
        assert first.masks.rles == again.masks.rles
        assert first.masks.score.tolist() == again.masks.score.tolist()
        assert first.end.tolist() == again.end.tolist()

    def test_backward_is_forward_in_the_mirrored_video(self, make: MakePropagator) -> None:
        video = panning_video(4)
        mirrored = ArrayVideo(np.ascontiguousarray(video.frames[::-1]))
        backward = make(min_area_px=1).propagate(Clip(video, 0, 3), three_discs(), Direction.BACKWARD)
        forward = make(min_area_px=1).propagate(Clip(mirrored, 0, 3), three_discs(), Direction.FORWARD)
        expected = replace(forward.masks, frame=3 - forward.masks.frame)
        self.assert_same(backward, replace(forward, masks=expected))

    def test_masklets_end_below_the_minimum_area(self, make: MakePropagator) -> None:
        clip, prompts = Clip(panning_video(4), 0, 3), discs(SIZE, (60, 45, 30), (40, 40, 6))
        free = make(min_area_px=1).propagate(clip, prompts, Direction.FORWARD)
        limit_px = int(rows_of(free, 0).rles.area_px().max()) + 1
        assert len(make(min_area_px=limit_px).propagate(clip, prompts, Direction.FORWARD).masks) == 0
        bound = make(min_area_px=150).propagate(clip, prompts, Direction.FORWARD)  # the small disc has 113 pixels
        assert set(bound.masks.prompt.tolist()) == {0}
        assert bound.masks.rles.area_px().min() >= 150
        assert bound.end[1] == End.SMALL

    def test_a_mask_does_not_move_where_nothing_moves(self, make: MakePropagator) -> None:
        if not self.holds_still:
            pytest.skip("a propagator with untrained weights tracks nothing")
        clip = Clip(panning_video(4, step_px=0), 0, 3)
        masklets = make(min_area_px=1).propagate(clip, three_discs().take([0]), Direction.FORWARD)
        assert len(masklets.masks) == 3
        assert masklets.masks.rles.iou(three_discs().take([0])).min() > 0.95
        assert masklets.end.tolist() == [End.CLIP]

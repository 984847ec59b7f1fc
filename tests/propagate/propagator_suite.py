"""What every MaskPropagator must do. Derive a test class from `PropagatorSuite` and say how to make one.

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
from overseg.data.masks import End, Masklets
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
    """A camera that moves over a real picture: everything in it moves left by `step_px` a frame."""
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
    """Masks well inside the picture, large, middling and overlapping the large one."""
    height, width = size
    return discs(
        size,
        (width // 2, height // 2, height // 3),
        (width // 3, height // 3, height // 5),
        (width // 2 + 2, height // 2, height // 4),
    )


def rows_of(masklets: Masklets, prompt: int) -> Masklets:
    return masklets.take(masklets.prompt == prompt)


class PropagatorSuite:
    """Properties that hold for every propagator.

    Attributes:
        holds_still: whether a mask hardly changes where nothing moves; not so with untrained weights.
        same_iou: how equal masks are that are carried alone and together, or forward and in a mirrored video.
    """

    holds_still = False
    same_iou = 1.0

    @pytest.fixture
    def make(self) -> MakePropagator:
        """A function that takes `min_area_px` and returns a propagator."""
        raise NotImplementedError("override the fixture `make`")

    def assert_same(self, masklets: Masklets, other: Masklets) -> None:
        assert masklets.prompt.tolist() == other.prompt.tolist()
        assert masklets.frame.tolist() == other.frame.tolist()
        assert masklets.end.tolist() == other.end.tolist()
        np.testing.assert_allclose(masklets.score, other.score, atol=1e-3)
        if len(masklets):
            assert masklets.rles.iou(other.rles).diagonal().min() >= self.same_iou

    def test_no_prompts_give_no_masks(self, make: MakePropagator) -> None:
        masklets = make(min_area_px=1).propagate(Clip(panning_video(3), 0, 2), Rles.empty(SIZE), Direction.FORWARD)
        assert len(masklets) == 0
        assert masklets.rles.size == SIZE

    @pytest.mark.parametrize("direction", Direction)
    def test_a_clip_of_one_frame_gives_no_masks(self, make: MakePropagator, direction: Direction) -> None:
        masklets = make(min_area_px=1).propagate(Clip(panning_video(3), 1, 1), three_discs(), direction)
        assert len(masklets) == 0
        assert masklets.rles.size == SIZE

    def test_an_empty_prompt_ends_at_once(self, make: MakePropagator) -> None:
        empty = Rles.from_masks(np.zeros((1, *SIZE), dtype=bool))
        prompts = Rles.concatenate(SIZE, [three_discs(), empty])
        masklets = make(min_area_px=1).propagate(Clip(panning_video(3), 0, 2), prompts, Direction.FORWARD)
        assert set(masklets.prompt.tolist()) == {0, 1, 2}

    @pytest.mark.parametrize("direction", Direction)
    def test_rows_go_by_prompt_and_then_away_from_its_frame(self, make: MakePropagator, direction: Direction) -> None:
        clip = Clip(panning_video(6), 1, 4)
        masklets = make(min_area_px=1).propagate(clip, three_discs(), direction)
        assert masklets.prompt.tolist() == sorted(masklets.prompt.tolist())
        visited = [2, 3, 4] if direction is Direction.FORWARD else [3, 2, 1]
        for prompt in range(3):
            frames = rows_of(masklets, prompt).frame.tolist()
            assert frames
            assert frames == visited[: len(frames)]  # without a gap: what has ended stays ended
            *before, last = rows_of(masklets, prompt).end.tolist()
            assert set(before) <= {End.NONE}
            assert (last == End.CLIP) == (len(frames) == 3)

    def test_columns_fit_the_video(self, make: MakePropagator) -> None:
        masklets = make(min_area_px=1).propagate(Clip(panning_video(4), 0, 3), three_discs(), Direction.FORWARD)
        assert masklets.rles.size == SIZE
        assert masklets.rles.to_masks().shape == (len(masklets), *SIZE)
        assert masklets.score.min() >= 0
        assert masklets.score.max() <= 1

    @pytest.mark.parametrize("size", [(37, 53), (53, 37), (33, 160)])
    def test_odd_sizes(self, make: MakePropagator, size: tuple[int, int]) -> None:
        masklets = make(min_area_px=1).propagate(
            Clip(panning_video(3, size), 0, 2), three_discs(size), Direction.FORWARD
        )
        assert len(masklets)
        assert masklets.rles.to_masks().shape == (len(masklets), *size)

    def test_masks_do_not_depend_on_each_other(self, make: MakePropagator) -> None:
        clip, prompts = Clip(panning_video(4), 0, 3), three_discs()
        together = make(min_area_px=1).propagate(clip, prompts, Direction.FORWARD)
        for prompt in range(len(prompts)):
            alone = make(min_area_px=1).propagate(clip, prompts.take([prompt]), Direction.FORWARD)
            expected = rows_of(together, prompt)
            self.assert_same(alone, replace(expected, prompt=expected.prompt * 0))

    def test_the_same_again_is_the_very_same(self, make: MakePropagator) -> None:
        clip, propagator = Clip(panning_video(4), 0, 3), make(min_area_px=1)
        first = propagator.propagate(clip, three_discs(), Direction.FORWARD)
        again = propagator.propagate(clip, three_discs(), Direction.FORWARD)
        assert first.rles == again.rles
        assert first.score.tolist() == again.score.tolist()

    def test_backward_is_forward_in_the_mirrored_video(self, make: MakePropagator) -> None:
        video = panning_video(4)
        mirrored = ArrayVideo(np.ascontiguousarray(video.frames[::-1]))
        backward = make(min_area_px=1).propagate(Clip(video, 0, 3), three_discs(), Direction.BACKWARD)
        forward = make(min_area_px=1).propagate(Clip(mirrored, 0, 3), three_discs(), Direction.FORWARD)
        self.assert_same(backward, replace(forward, frame=3 - forward.frame))

    def test_masklets_end_below_the_minimum_area(self, make: MakePropagator) -> None:
        clip, prompts = Clip(panning_video(4), 0, 3), discs(SIZE, (60, 45, 30), (40, 40, 6))
        free = make(min_area_px=1).propagate(clip, prompts, Direction.FORWARD)
        limit_px = int(rows_of(free, 0).rles.area_px().max()) + 1
        assert len(make(min_area_px=limit_px).propagate(clip, prompts, Direction.FORWARD)) == 0
        bound = make(min_area_px=150).propagate(clip, prompts, Direction.FORWARD)  # the small disc has 113 pixels
        assert set(bound.prompt.tolist()) == {0}
        assert bound.rles.area_px().min() >= 150

    def test_a_mask_holds_still_where_nothing_moves(self, make: MakePropagator) -> None:
        if not self.holds_still:
            pytest.skip("a propagator with untrained weights follows nothing")
        clip = Clip(panning_video(4, step_px=0), 0, 3)
        masklets = make(min_area_px=1).propagate(clip, three_discs().take([0]), Direction.FORWARD)
        assert len(masklets) == 3
        assert masklets.rles.iou(three_discs().take([0])).min() > 0.95

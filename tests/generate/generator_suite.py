"""The tests of every MaskGenerator. A generator's tests inherit from `GeneratorSuite` and override `make`."""

import dataclasses
from types import ModuleType

import numpy as np
import pytest
import torch
from generate.pictures import frame, photograph, plain, shapes

from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.generate.prompt_batches import PromptBatches
from overseg.stages import MaskGenerator


def generate(generator: MaskGenerator, keyframe: Frame) -> KeyframeMasks:
    """The masks of a frame without propagated masks."""
    return generator.generate(keyframe, Rles.empty(keyframe.size))


def batch_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
    """Make the generators of a module decode in batches, as on a GPU."""
    monkeypatch.setattr(module, "PromptBatches", lambda size, _: PromptBatches(size, torch.device("cuda")))


class GeneratorSuite:
    """Inherit as `class TestX(GeneratorSuite)`."""

    max_iou: float
    """Of two masks with a higher IoU, only one is returned."""
    pictures = (shapes(), shapes(97, 64, index=1), plain(48, 80, index=2))
    """Small pictures of odd sizes, and one of a single colour."""

    def make(self, pictures: tuple[Frame, ...], **limits: int | None) -> MaskGenerator:
        """The generator for these pictures; `limits` are min_area_px and max_masks."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def found(cls, request) -> tuple[Frame, KeyframeMasks]:
        """A photograph and its masks; they are generated once."""
        picture = photograph()
        return picture, generate(cls().make((picture,), min_area_px=50), picture)

    def test_table_is_well_formed(self, found):
        picture, masks = found
        check_table(masks, picture)
        assert len(masks) > 3

    def test_no_mask_is_under_the_minimum_area(self, found):
        picture, masks = found
        least = int(np.median(masks.rles.area_px()))
        larger = generate(self.make((picture,), min_area_px=least), picture)
        assert 0 < len(larger) < len(masks)
        assert larger.rles.area_px().min() >= least

    def test_no_two_masks_are_near_duplicates(self, found):
        _, masks = found
        iou = masks.rles.iou(masks.rles)
        np.fill_diagonal(iou, 0)
        assert iou.max() <= self.max_iou

    def test_the_largest_masks_are_kept(self, found):
        picture, masks = found
        few = generate(self.make((picture,), min_area_px=50, max_masks=3), picture)
        assert sorted(few.rles.area_px()) == sorted(masks.rles.area_px())[-3:]

    def test_the_most_reliable_come_first(self, found):
        _, masks = found
        quality = masks.predicted_iou.astype(float) * masks.stability_score
        assert (np.diff(quality) <= 0).all()

    def test_the_same_picture_gives_the_same_masks(self, found):
        picture, masks = found
        check_equal(generate(self.make((picture,), min_area_px=50), picture), masks)

    @pytest.mark.parametrize("number", range(3))
    def test_small_odd_and_plain_pictures(self, number):
        picture = self.pictures[number]
        check_table(generate(self.make(self.pictures, min_area_px=4), picture), picture)

    def test_no_mask_that_is_large_enough_gives_an_empty_table(self):
        picture = self.pictures[0]
        masks = generate(self.make(self.pictures, min_area_px=10**6), picture)
        check_table(masks, picture)
        assert len(masks) == 0

    def test_propagated_masks_are_accepted(self):
        picture = self.pictures[0]
        propagated = np.zeros((2, *picture.size), bool)
        propagated[0, 16:48, 16:65] = True  # the second one is empty
        masks = self.make(self.pictures, min_area_px=4).generate(picture, Rles.from_masks(propagated))
        check_table(masks, picture)

    def test_the_picture_does_not_change(self):
        picture = frame(self.pictures[0].rgb.copy())
        generate(self.make(self.pictures, min_area_px=4), picture)
        assert np.array_equal(picture.rgb, self.pictures[0].rgb)


def check_table(masks: KeyframeMasks, picture: Frame) -> None:
    """Assert columns of one length and of the right types and sizes, with scores in range."""
    n = len(masks.rles)
    assert masks.rles.size == picture.size
    assert masks.rles.to_masks().shape == (n, *picture.size)
    for column, dtype in (("predicted_iou", np.float32), ("stability_score", np.float32), ("sam_output", np.int8)):
        values = getattr(masks, column)
        assert values.shape == (n,) and values.dtype == dtype, column
    assert masks.sam_outputs.shape == (n,) and masks.sam_outputs.dtype == np.uint8
    known = masks.sam_output >= 0
    assert (masks.sam_outputs[known] >> masks.sam_output[known] & 1).all()
    assert masks.point_xy.shape == (n, 2) and masks.point_xy.dtype == np.float32
    for score in (masks.predicted_iou, masks.stability_score):
        assert ((score >= 0) & (score <= 1)).all()
    assert np.isin(masks.sam_output, (-1, 0, 1, 2)).all()
    known = masks.point_xy[~np.isnan(masks.point_xy).any(axis=1)]
    assert ((known >= 0) & (known < picture.size[::-1])).all()


def check_equal(one: KeyframeMasks, other: KeyframeMasks) -> None:
    """Assert the same masks, in the same order, with the same scores."""
    for column in dataclasses.fields(KeyframeMasks):
        ours, theirs = getattr(one, column.name), getattr(other, column.name)
        equal = (
            ours == theirs if column.name == "rles" else np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")
        )
        assert equal, column.name

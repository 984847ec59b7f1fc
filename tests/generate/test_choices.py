"""The points that are decoded and the masks that are kept, without a model."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from overseg.data.masks import KeyframeMasks, sam_outputs_of
from overseg.data.rles import Rles
from overseg.errors import DeviceError, WeightsError
from overseg.generate.candidates import Thresholds
from overseg.generate.covering import Coverage, relaxing
from overseg.generate.keep import keep_masks
from overseg.generate.point_grid import grid_rounds, point_grid
from overseg.generate.prompt_batches import PromptBatches
from overseg.generate.redundant_points import RedundantPoints, explained

GPU = torch.device("cuda")


@pytest.mark.parametrize("points_per_side", [1, 2, 5, 16])
def test_the_rounds_of_a_grid_hold_each_point_once(points_per_side):
    rounds = grid_rounds(points_per_side)
    assert (
        sorted(np.concatenate(rounds))
        == list(range(points_per_side**2))
        == list(range(len(point_grid(points_per_side))))
    )


def test_points_of_a_round_are_four_cells_apart():
    for points in grid_rounds(16):
        assert set(np.diff(np.unique(points % 16))) == {4} == set(np.diff(np.unique(points // 16)))


SIDE = 9
CENTRE = 4 * SIDE + 4


@pytest.mark.parametrize(
    ("n_accepted", "similarity", "reach"),
    [(0, 0.95, 1), (0, 0.85, 0), (1, 0.95, 8), (1, 0.85, 0), (3, 0.85, 0)],
)
def test_a_point_with_accepted_masks_makes_points_farther_away_redundant(n_accepted, similarity, reach):
    redundant = RedundantPoints(SIDE)
    is_borderline = np.zeros(1, bool)
    similarity = np.full((1, SIDE**2), similarity)
    redundant.add_similar(np.array([CENTRE]), similarity, np.array([n_accepted]), is_borderline)
    needed = redundant.needed(np.arange(SIDE**2))
    n_redundant = SIDE**2 - len(needed)
    assert n_redundant == {0: 0, 1: 9, 8: SIDE**2}[reach]


def test_points_are_redundant_within_eight_cells():
    redundant = RedundantPoints(40)
    redundant.add_similar(np.zeros(1, int), np.ones((1, 1600)), np.ones(1, int), np.zeros(1, bool))
    row, column = np.divmod(redundant.needed(np.arange(1600)), 40)
    assert len(row) == 1600 - 9**2 and np.maximum(row, column).min() == 9


@pytest.mark.parametrize("n_accepted", [0, 2])
def test_a_point_with_a_borderline_mask_makes_no_other_redundant(n_accepted):
    redundant = RedundantPoints(SIDE)
    redundant.add_similar(np.array([CENTRE]), np.ones((1, SIDE**2)), np.array([n_accepted]), np.ones(1, bool))
    assert len(redundant.needed(np.arange(SIDE**2))) == SIDE**2


def test_points_that_are_not_similar_to_a_decoded_one_are_needed():
    redundant = RedundantPoints(SIDE)
    similarity = np.full((1, SIDE**2), -np.inf)
    similarity[0, CENTRE + 1] = 1.0
    redundant.add_similar(np.array([CENTRE]), similarity, np.array([3]), np.zeros(1, bool))
    assert CENTRE + 1 not in redundant.needed(np.arange(SIDE**2))
    assert CENTRE in redundant.needed(np.arange(SIDE**2))


def test_two_regions_with_the_same_box_are_both_kept():
    masks = np.zeros((3, 20, 20), bool)
    masks[0, :, :10] = masks[0, :2] = masks[0, -2:] = True  # a C
    masks[1, :, 10:] = masks[1, :2] = masks[1, -2:] = True  # the same, mirrored
    masks[2] = masks[0]
    masks[2, 10, 10] = True  # nearly the first one
    table = KeyframeMasks.from_rles(Rles.from_masks(masks))
    kept = keep_masks(table, min_area_px=1, max_masks=None, max_iou=0.8)
    assert len(kept) == 2
    assert len(np.unique(kept.rles.boxes_xywh(), axis=0)) == 1


def test_a_mask_marked_as_first_is_kept_in_place_of_a_better_duplicate():
    masks = np.zeros((2, 20, 20), bool)
    masks[0, 2:12, 2:12] = True
    masks[1, 2:12, 2:13] = True
    table = KeyframeMasks.from_rles(Rles.from_masks(masks))
    table.predicted_iou[0] = 0.7
    plain = keep_masks(table, min_area_px=1, max_masks=None, max_iou=0.8)
    linked = keep_masks(table, min_area_px=1, max_masks=None, max_iou=0.8, first=np.array([True, False]))
    assert plain.rles.area_px().tolist() == [110] and linked.rles.area_px().tolist() == [100]


def test_a_mask_keeps_the_sam_outputs_of_its_duplicates():
    masks = np.zeros((3, 20, 20), bool)
    masks[0, 2:12, 2:12] = masks[1, 2:12, 2:12] = masks[2, 14:, 14:] = True
    sam_output = np.array([0, 2, 1], np.int8)
    table = replace(
        KeyframeMasks.from_rles(Rles.from_masks(masks)), sam_output=sam_output, sam_outputs=sam_outputs_of(sam_output)
    )
    table.predicted_iou[0] = 0.7
    kept = keep_masks(table, min_area_px=1, max_masks=None, max_iou=0.8)
    assert kept.sam_output.tolist() == [2, 1] and kept.sam_outputs.tolist() == [0b101, 0b010]


def test_thresholds_relax_down_to_the_floors_and_never_rise():
    steps = relaxing(Thresholds(0.8, 0.5), Thresholds(0.5, 0.7), 3)
    assert np.allclose(steps, [(0.7, 0.5), (0.6, 0.5), (0.5, 0.5)])


def test_uncovered_points_lie_deep_inside_and_are_returned_once():
    picture = np.zeros((40, 60), bool)
    picture[:, :50] = True
    coverage = Coverage(picture)
    first = coverage.uncovered_points(1)
    assert 15 <= first[0, 0] <= 35 and 15 <= first[0, 1] <= 25
    again = coverage.uncovered_points(20)
    assert len(again) > 1 and (again[:, 0] < 50).all()
    assert len(np.unique(np.concatenate([first, again]), axis=0)) == 1 + len(again)


def test_a_batch_that_does_not_fit_is_halved_and_no_item_is_left_out():
    def work(items: slice) -> list[int]:
        if items.stop - items.start > 3:
            raise torch.OutOfMemoryError
        return list(range(10))[items]

    done = [item for batch in PromptBatches(8, GPU).run(10, work) for item in batch]
    assert done == list(range(10))


def test_on_a_cpu_each_item_is_computed_in_one_thread_and_in_order():
    seen = []

    def work(items: slice) -> slice:
        seen.append((torch.get_num_threads(), torch.is_inference_mode_enabled()))
        return items

    threads = torch.get_num_threads()
    done = list(PromptBatches(3, torch.device("cpu")).run(10, work))
    assert done == [slice(item, item + 1) for item in range(10)]
    assert seen == [(1, True)] * 10
    assert torch.get_num_threads() == threads


def test_on_a_cpu_an_error_in_a_thread_is_raised():
    def work(items: slice) -> None:
        raise WeightsError("not finite")

    with pytest.raises(WeightsError, match="not finite"):
        list(PromptBatches(3, torch.device("cpu")).run(10, work))


def test_a_single_item_that_does_not_fit_is_an_error_with_advice():
    def work(items: slice) -> None:
        raise torch.OutOfMemoryError

    with pytest.raises(DeviceError, match="--dtype bfloat16"):
        list(PromptBatches(8, GPU).run(10, work))


def test_points_inside_one_propagated_mask_take_turns_and_points_inside_two_are_redundant():
    n_masks = np.repeat([1, 2, 3], 500)
    first, again, later = (explained(n_masks, frame).reshape(3, 500) for frame in (5, 5, 10))
    assert np.array_equal(first, again)
    assert first.mean(axis=1) == pytest.approx([0.75, 1, 1], abs=0.1)
    assert (first[0] & later[0]).mean() == pytest.approx(0.56, abs=0.1)


@pytest.mark.parametrize("bare, share", [(0.1, 0.55), (0.25, 0.25), (0.5, 0)])
def test_the_more_of_the_picture_is_bare_the_more_points_inside_one_mask_are_prompted(bare, share):
    n_masks = (np.arange(1000) >= 1000 * bare).astype(int)
    redundant = explained(n_masks, 0)
    assert not redundant[n_masks == 0].any()
    assert redundant[n_masks == 1].mean() == pytest.approx(share, abs=0.06)

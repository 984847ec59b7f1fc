"""Loads a SAM 2 or SAM 2.1 checkpoint into sam2's own modules, and compiles them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sam2.modeling.sam2_base import SAM2Base

from overseg.errors import DeviceError, SettingsError, WeightsError
from overseg.propagate.sam2.attention import OneFrameMemoryAttention
from overseg.weights.state_dict import read_state_dict

_SIZE_MULTIPLE_PX = 32  # the image encoder's coarsest stride, and its positional windows of 8 patches of 4 pixels
_BLOCKS_OF_SIZE = {(96, 12): "t", (96, 16): "s", (112, 24): "b+", (144, 48): "l"}
# What upstream's `build_sam2_video_predictor` sets in addition to the checkpoint's own configuration.
_PREDICTOR_OVERRIDES = (
    "model.binarize_mask_from_pts_for_mem_enc=true",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=true",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_stability_delta=0.05",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh=0.98",
)


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
    state = read_state_dict(path)
    variant = sam2_variant(state, source=str(path))
    model = build_sam2_model(variant, image_size=image_size)
    try:
        model.load_state_dict(state)
    except RuntimeError as e:
        reason = " ".join(str(e).split()).partition(": ")[2][:200]
        raise WeightsError(
            f"{path} looks like a checkpoint for {variant.config_name} and does not fit it: {reason}; fetch it again"
        ) from e
    model.memory_attention = OneFrameMemoryAttention(model.memory_attention)
    try:
        return model.to(device).eval()
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
    overrides = list(_PREDICTOR_OVERRIDES)
    if image_size is not None:
        _check_image_size(image_size)
        overrides.append(f"model.image_size={image_size}")
    # The file is read directly: Hydra's global search path may belong to the calling program.
    config = OmegaConf.create(files("sam2").joinpath(variant.config_name).read_text())
    config = OmegaConf.merge(config, OmegaConf.from_dotlist(overrides))
    return instantiate(config.model, _recursive_=True).eval()


def compile_parts(model: SAM2Base, *, backend: str = "inductor") -> None:
    """Compile the model's parts with `torch.compile`, each as one graph without a break, at their next call.

    The graphs take any number of masks and of memories, and frames of one size.

    Args:
        model: from `load_sam2`.
        backend: as `torch.compile` takes it.
    """
    with torch.inference_mode():  # fills the caches of positional encodings, which would otherwise change in a graph
        model.forward_image(torch.zeros(1, 3, model.image_size, model.image_size, device=model.device))
    model.image_encoder.compile(backend=backend, dynamic=False)
    for part in (model.memory_attention, model.memory_encoder, model.sam_prompt_encoder, model.sam_mask_decoder):
        part.compile(backend=backend, dynamic=True)


def is_compiled(model: SAM2Base) -> bool:
    """Whether `compile_parts` was called with this model."""
    return model.image_encoder._compiled_call_impl is not None


def _check_image_size(image_size: int) -> None:
    if image_size < _SIZE_MULTIPLE_PX or image_size % _SIZE_MULTIPLE_PX:
        nearest = max(1, round(image_size / _SIZE_MULTIPLE_PX)) * _SIZE_MULTIPLE_PX
        raise SettingsError(
            f"expected a multiple of {_SIZE_MULTIPLE_PX} as SAM 2's image size, got {image_size}; try {nearest}"
        )

"""Loading a SAM 2 or SAM 2.1 checkpoint into sam2's own modules; which of them it is stands in the checkpoint."""

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
# What upstream's `build_sam2_video_predictor` sets beside the checkpoint's own config.
_AS_UPSTREAM_TRACKS = (
    "model.binarize_mask_from_pts_for_mem_enc=true",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_via_stability=true",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_stability_delta=0.05",
    "model.sam_mask_decoder_extra_args.dynamic_multimask_stability_thresh=0.98",
)


@dataclass(frozen=True)
class Sam2Variant:
    """Which model a checkpoint holds.

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
    """The model in a checkpoint, in float32, ready for inference.

    Args:
        weights: a SAM 2 or SAM 2.1 checkpoint as Meta publishes it, or as sam2's training code saves it.
        device: "cpu", "cuda", "cuda:1", "mps".
        image_size: side in pixels of the square that frames are resized to, a multiple of 32; None for the
            checkpoint's own 1024. 512 takes about a sixteenth of the attention's work and loses thin and small masks.

    Raises:
        WeightsError: the file is missing, damaged, or holds something else.
        SettingsError: `image_size` cannot be used.
        DeviceError: the device is not there.
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
        WeightsError: these are not the weights of any SAM 2 model; the line names `source`.
    """
    patches = state.get("image_encoder.trunk.patch_embed.proj.weight")
    if patches is None or "maskmem_tpos_enc" not in state:
        found = "a SAM 1 checkpoint" if "image_encoder.pos_embed" in state else f"{len(state)} other weights"
        raise WeightsError(
            f"expected a SAM 2 or SAM 2.1 video checkpoint in {source}, got {found}; "
            "see `overseg weights list` for those that fit"
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
    """The modules of a variant with untrained weights, set up as upstream's video predictor sets them up."""
    overrides = list(_AS_UPSTREAM_TRACKS)
    if image_size is not None:
        _check_image_size(image_size)
        overrides.append(f"model.image_size={image_size}")
    # Read as a file, not through Hydra's global search path: that one may belong to the calling program.
    config = OmegaConf.create(files("sam2").joinpath(variant.config_name).read_text())
    config = OmegaConf.merge(config, OmegaConf.from_dotlist(overrides))
    return instantiate(config.model, _recursive_=True).eval()


def _check_image_size(image_size: int) -> None:
    if image_size < _SIZE_MULTIPLE_PX or image_size % _SIZE_MULTIPLE_PX:
        nearest = max(1, round(image_size / _SIZE_MULTIPLE_PX)) * _SIZE_MULTIPLE_PX
        raise SettingsError(
            f"expected a multiple of {_SIZE_MULTIPLE_PX} as SAM 2's image size, got {image_size}; try {nearest}"
        )

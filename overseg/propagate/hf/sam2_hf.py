"""SAM 2 and 2.1 through transformers (Ravi et al., arXiv:2408.00714; Apache-2.0)."""

from typing import Any

from overseg.data.machine import Machine
from overseg.data.settings import Settings
from overseg.data.track_settings import TrackSettings
from overseg.propagate.hf.adapter import build_propagator
from overseg.propagate.hf.family import HfFamily, feature_sizes
from overseg.propagate.sam2.propagator import MemoryPropagator

_STRIDE_PX = 16


def build(settings: Settings, machine: Machine) -> MemoryPropagator:
    """The propagator that the settings describe, with its weights loaded."""
    return build_propagator(FAMILY, settings, machine, min_area_px=settings.min_area_px)


def build_follower(settings: TrackSettings, machine: Machine) -> MemoryPropagator:
    """The same, for objects that are prompted with points, boxes and masks."""
    return build_propagator(
        FAMILY, settings, machine, min_area_px=settings.min_area_px, mask_threshold=settings.mask_threshold
    )


def resize(config: Any, side_px: int) -> None:
    """Change the side of the square that frames are resized to."""
    positions = side_px // _STRIDE_PX
    config.image_size = config.prompt_encoder_config.image_size = side_px
    config.vision_config.backbone_config.image_size = [side_px, side_px]
    config.vision_config.backbone_feature_sizes = feature_sizes(positions)
    config.memory_attention_rope_feat_sizes = [positions, positions]


def small_parts() -> dict[str, Any]:
    """Settings that make the parts small that SAM 2, EdgeTAM and SAM 3 have alike."""
    return {
        "prompt_encoder_config": {"hidden_size": 128},
        "mask_decoder_config": {"hidden_size": 128, "mlp_dim": 64, "iou_head_hidden_dim": 64, "num_hidden_layers": 1},
        "memory_attention_hidden_size": 128,
        "memory_attention_num_layers": 1,
        "memory_encoder_hidden_size": 128,
        "mask_downsampler_embed_dim": 128,
        "memory_fuser_embed_dim": 128,
        "memory_fuser_intermediate_dim": 64,
        "memory_fuser_num_layers": 1,
        "max_object_pointers_in_encoder": 8,
    }


def _small() -> Any:
    from transformers import Sam2HieraDetConfig, Sam2VideoConfig, Sam2VisionConfig

    hiera = Sam2HieraDetConfig(
        hidden_size=16,
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[16, 32, 64, 128],
        num_attention_heads_per_stage=[1, 1, 2, 4],
        window_size_per_stage=[8, 4, 4, 2],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[2, 2],
    )
    vision = Sam2VisionConfig(backbone_config=hiera, backbone_channel_list=[128, 64, 32, 16], fpn_hidden_size=128)
    config = Sam2VideoConfig(vision_config=vision, memory_attention_feed_forward_hidden_size=64, **small_parts())
    resize(config, 64)
    return config


FAMILY = HfFamily(
    name="sam2-hf",
    title="SAM 2",
    model="Sam2VideoModel",
    model_type="sam2_video",
    accepted_types=("sam2",),
    image_size=1024,
    size_multiple=32,
    mean_rgb=(0.485, 0.456, 0.406),
    std_rgb=(0.229, 0.224, 0.225),
    resize=resize,
    small=_small,
    memory_rows=1,
    work=(1.0, 0.3),
)

"""The tracker of SAM 3 through transformers (Meta, 2025; the SAM licence). Its words are no part of it."""

from typing import Any

from overseg.data.machine import Machine
from overseg.data.settings import Settings
from overseg.data.track_settings import TrackSettings
from overseg.propagate.hf.adapter import build_propagator
from overseg.propagate.hf.family import HfFamily, feature_sizes
from overseg.propagate.hf.sam2_hf import small_parts
from overseg.propagate.sam2.propagator import MemoryPropagator

_STRIDE_PX = 14


def build(settings: Settings, machine: Machine) -> MemoryPropagator:
    """The propagator that the settings describe, with its weights loaded."""
    return build_propagator(FAMILY, settings, machine, min_area_px=settings.min_area_px)


def build_follower(settings: TrackSettings, machine: Machine) -> MemoryPropagator:
    """The same, for objects that are prompted with points, boxes and masks."""
    return build_propagator(
        FAMILY, settings, machine, min_area_px=settings.min_area_px, mask_threshold=settings.mask_threshold
    )


def _resize(config: Any, side_px: int) -> None:
    positions = side_px // _STRIDE_PX
    config.prompt_encoder_config.image_size = side_px
    config.image_size = side_px  # also that of the encoder
    config.vision_config.backbone_feature_sizes = feature_sizes(positions)
    config.memory_attention_rope_feat_sizes = [positions, positions]


def _small() -> Any:
    from transformers import Sam3TrackerVideoConfig, Sam3VisionConfig, Sam3ViTConfig

    vit = Sam3ViTConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        window_size=2,
        global_attn_indexes=[1],
        pretrain_image_size=28,
    )
    vision = Sam3VisionConfig(backbone_config=vit, fpn_hidden_size=128)
    config = Sam3TrackerVideoConfig(vision_config=vision, memory_attention_feed_forward_hidden_size=64, **small_parts())
    _resize(config, 56)
    return config


FAMILY = HfFamily(
    name="sam3",
    title="SAM 3",
    model="Sam3TrackerVideoModel",
    model_type="sam3_tracker_video",
    accepted_types=("sam3_video", "sam3_tracker"),
    image_size=1008,
    size_multiple=224,  # of its patches of 14 px, and of the 32 px that --propagation-size is a multiple of
    mean_rgb=(0.5, 0.5, 0.5),
    std_rgb=(0.5, 0.5, 0.5),
    resize=_resize,
    small=_small,
    memory_rows=1,
    work=(2.0, 0.4),
)

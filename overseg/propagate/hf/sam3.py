"""The tracker of SAM 3 through transformers (Meta, 2025; the SAM licence). Its words are no part of it."""

from typing import Any

from overseg.generate.hf_pictures import generator_builder
from overseg.propagate.hf.adapter import propagator_builders
from overseg.propagate.hf.family import HfFamily, feature_sizes
from overseg.propagate.hf.sam2_hf import small_parts
from overseg.propagate.sam2.work import MaskCost

_STRIDE_PX = 14


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
    frame_giga=lambda _: 2808.0,
    mask=MaskCost(45.0, 440.0),
)
build, build_follower = propagator_builders(FAMILY)
build_generator = generator_builder(FAMILY)

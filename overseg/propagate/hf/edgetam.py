"""EdgeTAM through transformers (Zhou et al., arXiv:2501.07256; Apache-2.0): SAM 2 with a small encoder and memories."""

from typing import Any

from overseg.generate.hf_pictures import generator_builder
from overseg.propagate.hf.adapter import propagator_builders
from overseg.propagate.hf.family import HfFamily, feature_sizes
from overseg.propagate.hf.sam2_hf import small_parts
from overseg.propagate.sam2.work import MaskCost

_STRIDE_PX = 16


def _resize(config: Any, side_px: int) -> None:
    """Its memories keep their number of positions: they are latents, and no grid."""
    positions = side_px // _STRIDE_PX
    config.image_size = config.prompt_encoder_config.image_size = side_px
    config.vision_config.backbone_feature_sizes = feature_sizes(positions)
    config.memory_attention_rope_feat_sizes = [positions, positions]


def full_config() -> Any:
    """The configuration that it is published with."""
    from transformers import EdgeTamVideoConfig, EdgeTamVisionConfig

    return EdgeTamVideoConfig(vision_config=EdgeTamVisionConfig(backbone_config=_backbone()))


def _small() -> Any:
    from transformers import EdgeTamVideoConfig, EdgeTamVisionConfig

    vision = EdgeTamVisionConfig(
        backbone_config=_backbone(embed_dim=[8, 16, 32, 64], depth=[1, 1, 1, 1]),
        backbone_channel_list=[64, 32, 16, 8],
        fpn_hidden_size=128,
    )
    config = EdgeTamVideoConfig(
        vision_config=vision,
        memory_attention_mlp_hidden_size=64,
        perceiver_resampler_num_latents=4,
        perceiver_resampler_num_latents_2d=4,
        memory_attention_rope_k_sizes=[2, 2],
        perceiver_resampler_num_layers=1,
        **small_parts(),
    )
    _resize(config, 64)
    return config


def _backbone(**changes: Any) -> Any:
    from transformers import TimmWrapperConfig

    levels = {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]}
    return TimmWrapperConfig(architecture="repvit_m1", model_args={**levels, **changes})


FAMILY = HfFamily(
    name="edgetam",
    title="EdgeTAM",
    model="EdgeTamVideoModel",
    model_type="edgetam_video",
    accepted_types=("edgetam",),
    needs=("timm",),
    image_size=1024,
    size_multiple=256,  # memories are cut into 16 x 16 windows of whole positions
    mean_rgb=(0.485, 0.456, 0.406),
    std_rgb=(0.229, 0.224, 0.225),
    resize=_resize,
    small=_small,
    memory_rows=0,
    encodes_memories_alone=True,
    counts_memories=True,
    frame_giga=lambda _: 19.0,
    mask=MaskCost(36.0, 17.0),
)
build, build_follower = propagator_builders(FAMILY)
build_generator = generator_builder(FAMILY)

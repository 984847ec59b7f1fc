"""SAM 2 and 2.1 through transformers (Ravi et al., arXiv:2408.00714; Apache-2.0)."""

from typing import Any

from overseg.generate.hf_pictures import generator_builder
from overseg.propagate.hf.adapter import propagator_builders
from overseg.propagate.hf.family import HfFamily, feature_sizes
from overseg.propagate.sam2.work import SAM2_MASK, hiera_giga

_STRIDE_PX = 16


def resize(config: Any, side_px: int) -> None:
    """Change the side of the square that frames are resized to."""
    positions = side_px // _STRIDE_PX
    config.image_size = config.prompt_encoder_config.image_size = side_px
    config.vision_config.backbone_config.image_size = [side_px, side_px]
    config.vision_config.backbone_feature_sizes = feature_sizes(positions)
    config.memory_attention_rope_feat_sizes = [positions, positions]


def _frame_giga(config: Any) -> float:
    hiera = config.vision_config.backbone_config
    return hiera_giga(hiera.hidden_size, sum(hiera.blocks_per_stage))


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
    frame_giga=_frame_giga,
    mask=SAM2_MASK,
)
build, build_follower = propagator_builders(FAMILY)
build_generator = generator_builder(FAMILY)

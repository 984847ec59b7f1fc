"""Small zero-shot detectors with seeded random weights, in the files of transformers."""

from pathlib import Path
from typing import Any

import torch

from overseg.transformers_extra import import_transformers

_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "a", "cup", "hand", "red"]


def save_grounding_dino(folder: Path) -> Path:
    """A Grounding DINO of a few layers; it finds as many boxes as it has queries."""
    transformers: Any = import_transformers("a test")
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(_WORDS))
    transformers.BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    transformers.GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 160}).save_pretrained(folder)
    bert = transformers.BertConfig(
        vocab_size=len(_WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    swin = transformers.SwinConfig(
        image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=2, out_indices=[2, 3, 4]
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=swin, text_config=bert, d_model=32, encoder_layers=1, decoder_layers=2, num_queries=6,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_text_len=16,
    )  # fmt: skip
    _saved(transformers.GroundingDinoForObjectDetection, config, folder)
    return folder


def save_sam3(folder: Path) -> Path:
    """A SAM 3 of a layer everywhere; it finds a box for each of its queries."""
    transformers: Any = import_transformers("a test")
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(_WORDS))
    transformers.BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    transformers.Sam3ImageProcessor(size={"height": 56, "width": 56}).save_pretrained(folder)
    layers = {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 2}
    vit = {
        **layers, "num_hidden_layers": 2, "image_size": 56, "window_size": 2, "global_attn_indexes": [1],
        "pretrain_image_size": 28, "model_type": "sam3_vit_model",
    }  # fmt: skip
    sizes = [[16, 16], [8, 8], [4, 4]]
    config = transformers.Sam3Config(
        vision_config={"backbone_config": vit, "fpn_hidden_size": 32, "backbone_feature_sizes": sizes},
        text_config={
            **layers, "num_hidden_layers": 1, "vocab_size": len(_WORDS), "max_position_embeddings": 32,
            "projection_dim": 32, "eos_token_id": 3,
        },
        geometry_encoder_config={**layers, "num_layers": 1},
        detr_encoder_config={**layers, "num_layers": 1},
        detr_decoder_config={**layers, "num_layers": 1, "num_queries": 6},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2},
    )  # fmt: skip
    _saved(transformers.Sam3Model, config, folder)
    return folder


def save_owlv2(folder: Path) -> Path:
    """An OWLv2 of one layer, which finds a box for each of its four patches."""
    transformers: Any = import_transformers("a test")
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(_WORDS))
    transformers.BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    transformers.Owlv2ImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    layers = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.Owlv2Config(
        text_config={**layers, "vocab_size": len(_WORDS), "max_position_embeddings": 8, "eos_token_id": 3},
        vision_config={**layers, "image_size": 32, "patch_size": 16},
        projection_dim=16,
    )
    _saved(transformers.Owlv2ForObjectDetection, config, folder)
    return folder


def _saved(model: Any, config: Any, folder: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model(config).save_pretrained(folder)

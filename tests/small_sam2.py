"""SAM 2 with fewer and narrower layers, which takes about half of the time.

It is for tests that compare masks with each other or with upstream's, which builds the same layers. The layers of
published checkpoints are tested in `test_sam2_model.py`, `test_sam2_parity.py` and `-m slow`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sam2.sam2_video_predictor import SAM2VideoPredictor

from overseg.propagate.sam2 import model, parity

_TRUNK = "model.image_encoder.trunk"
_OVERRIDES = (
    f"{_TRUNK}.embed_dim=16",
    f"{_TRUNK}.stages=[1,1,2,1]",
    f"{_TRUNK}.global_att_blocks=[3]",
    "model.image_encoder.neck.backbone_channel_list=[128,64,32,16]",
    "model.memory_attention.layer.dim_feedforward=256",
)
_BLOCKS_OF_SIZE = {(16, 5): "t"}


@contextmanager
def small_sam2() -> Iterator[None]:
    """Have SAM 2 "t" be small in this process, upstream's predictor too."""
    build = parity.build_sam2_video_predictor

    def upstreams(*arguments: Any, hydra_overrides_extra: list[str], **options: Any) -> SAM2VideoPredictor:
        return build(*arguments, hydra_overrides_extra=[*hydra_overrides_extra, *_OVERRIDES], **options)

    with (
        mock.patch.object(model, "_PREDICTOR_OVERRIDES", (*model._PREDICTOR_OVERRIDES, *_OVERRIDES)),
        mock.patch.object(model, "_BLOCKS_OF_SIZE", _BLOCKS_OF_SIZE),
        mock.patch.object(parity, "build_sam2_video_predictor", upstreams),
    ):
        yield

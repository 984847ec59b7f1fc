"""A tracking model of transformers under the names that SAM 2's sessions, memories and batches use."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from overseg.data.frame import Frame
from overseg.propagate.hf.family import HfFamily
from overseg.propagate.sam2.features import ImageFeatures
from overseg.transformers_extra import import_transformers


class HfTracker:
    """A model with the attributes of `TrackerModel`, and what its steps need.

    Attributes:
        model: the model of transformers, ready for inference.
        family: what it declares.
        feature_position: positional encoding of the coarsest features, [h * w, 1, channels]; known once a frame was
            encoded. It is the same for all frames.
        cost: what it costs.
    """

    def __init__(self, model: Any, family: HfFamily) -> None:
        transformers: Any = import_transformers(family.title)
        self.model, self.family = model, family
        self.image_encoder: torch.nn.Module = model.vision_encoder
        self.image_size = int(model.image_size)
        self.sizes = [tuple(size) for size in model.backbone_feature_sizes]
        self.backbone_stride = self.image_size // self.sizes[-1][0]
        self.hidden_dim, self.mem_dim, self.num_maskmem = model.hidden_dim, model.mem_dim, model.num_maskmem
        self.memory_temporal_stride_for_eval = 1
        self.max_obj_ptrs_in_encoder = model.config.max_object_pointers_in_encoder
        self.feature_position = torch.zeros(0)
        self.cost = family.cost(model.config)
        self._processor = transformers.Sam2VideoVideoProcessor(
            size={"height": self.image_size, "width": self.image_size},
            image_mean=list(family.mean_rgb),
            image_std=list(family.std_rgb),
        )

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.model.device

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """All weights."""
        return self.model.parameters()

    def pixels(self, frame: Frame) -> torch.Tensor:
        """A frame, resized and normalised as transformers does it, float32 [3, side, side] in host memory."""
        return self._processor(videos=[frame.rgb[None]], return_tensors="pt").pixel_values_videos[0, 0]

    def encode(self, pixels: Sequence[torch.Tensor]) -> list[ImageFeatures]:
        """The features of frames, which go through the model at once; levels are [h * w, 1, channels]."""
        images = torch.stack([one.to(self.device, non_blocking=True) for one in pixels])
        output = self.model.get_image_features(images, return_dict=True)
        self.feature_position = output.fpn_position_encoding[-1][:, :1]
        levels = [level.split(1, dim=1) for level in output.fpn_hidden_states]
        return [ImageFeatures(row) for row in zip(*levels, strict=True)]

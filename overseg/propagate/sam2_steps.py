"""SAM 2's steps on one frame, for a batch of masks over the same image features: encode, remember a prompt, track."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from PIL import Image
from sam2.modeling.sam2_base import SAM2Base

from overseg.data.frame import Frame
from overseg.propagate.sam2_memory import Memory, MemoryBank

_MEAN_RGB = (0.485, 0.456, 0.406)  # of ImageNet, as SAM 2 was trained
_STD_RGB = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Features:
    """Image features of one frame, from the finest to the coarsest level.

    Attributes:
        levels: tensors [1, channels, h, w].
    """

    levels: tuple[torch.Tensor, ...]

    @property
    def n_bytes(self) -> int:
        return sum(level.numel() * level.element_size() for level in self.levels)

    def to(self, device: torch.device | str) -> "Features":
        return Features(tuple(level.to(device) for level in self.levels))


@dataclass(frozen=True)
class Tracked:
    """What the model says of some masks on one frame.

    Attributes:
        logits: mask logits at a quarter of the model's resolution, float32 [n, 1, h, w]; positive inside.
        presence_logits: how sure the model is that the object is in the picture, [n]; positive where it is.
        predicted_iou: the model's own estimate of the mask's quality, in [0, 1], [n].
        pointer: object pointers, [n, dim].
        fine_logits: the logits at the model's resolution, which the next memory is made from, [n, 1, size, size].
    """

    logits: torch.Tensor
    presence_logits: torch.Tensor
    predicted_iou: torch.Tensor
    pointer: torch.Tensor
    fine_logits: torch.Tensor

    def take(self, rows: torch.Tensor) -> "Tracked":
        """The rows at these numbers, or all without a copy where none is missing."""
        if len(rows) == len(self.pointer):
            return self
        return Tracked(*(getattr(self, column.name)[rows] for column in fields(self)))


class Sam2Steps:
    """The parts of `SAM2Base` that carry masks, each for a batch of masks of one frame.

    Args:
        model: from `load_sam2`.
        n_frames: frames of the whole video; bounds the object pointers' positions as upstream does.
        reverse: whether frames come in reverse order of time.
    """

    def __init__(self, model: SAM2Base, *, n_frames: int, reverse: bool) -> None:
        self._model = model
        self._n_frames = n_frames
        self._reverse = reverse

    def encode(self, frame: Frame) -> Features:
        """Image features of `frame`. Resized and normalised as upstream does it with JPEG frames."""
        side = self._model.image_size
        pixels = np.asarray(Image.fromarray(frame.rgb).resize((side, side)))
        return Features(tuple(self._model.forward_image(self._normalised(pixels))["backbone_fpn"]))

    def remember_prompts(self, features: Features, frame: int, masks: torch.Tensor) -> Memory:
        """The memory that masks given on `frame` leave behind.

        Args:
            features: of that frame.
            frame: its index.
            masks: float32 [n, 1, h, w] at video resolution, 0 or 1.
        """
        fitted = self._resized(masks, self._model.image_size, antialias=True)
        maps = self._expanded(features, len(masks))
        tracked = self._track(maps, frame, mask_inputs=(fitted >= 0.5).float(), bank_view={})
        # Upstream remembers a prompt through its low-resolution logits; so do we, for the same memories.
        fine_logits = self._resized(tracked.logits, self._model.image_size)
        spatial = self._memory_features(maps, fine_logits, tracked.presence_logits, is_prompt=True)
        return Memory(spatial, tracked.pointer)

    def bank(self, frame: int, prompts: Memory) -> MemoryBank:
        """A bank that looks back from `frame`, the prompts' frame, as far as the model does."""
        return MemoryBank(
            frame,
            prompts,
            n_spatial=self._model.num_maskmem,
            stride=self._model.memory_temporal_stride_for_eval,
            n_pointers=self._model.max_obj_ptrs_in_encoder,
        )

    def track(self, features: Features, frame: int, bank: MemoryBank, rows: slice) -> Tracked:
        """Where the masks at `rows` of the bank lie on `frame`."""
        maps = self._expanded(features, rows.stop - rows.start)
        return self._track(maps, frame, mask_inputs=None, bank_view=bank.view(rows, self._memory_position(features)))

    def remember(self, features: Features, tracked: Tracked) -> Memory:
        """The memory that tracked masks leave behind."""
        maps = self._expanded(features, len(tracked.pointer))
        spatial = self._memory_features(maps, tracked.fine_logits, tracked.presence_logits, is_prompt=False)
        return Memory(spatial, tracked.pointer)

    def at_size(self, tracked: Tracked, size: tuple[int, int]) -> torch.Tensor:
        """Masks at video resolution: bool [n, height, width]."""
        if tracked.logits.shape[-2:] == size:
            return tracked.logits[:, 0] > 0
        return torch.nn.functional.interpolate(tracked.logits, size, mode="bilinear", align_corners=False)[:, 0] > 0

    def _normalised(self, pixels: np.ndarray) -> torch.Tensor:
        device = self._model.device
        image = torch.from_numpy(pixels.copy()).to(device).permute(2, 0, 1).float() / 255.0
        mean, std = (torch.tensor(rgb, device=device)[:, None, None] for rgb in (_MEAN_RGB, _STD_RGB))
        return ((image - mean) / std)[None]

    @staticmethod
    def _resized(maps: torch.Tensor, side: int, *, antialias: bool = False) -> torch.Tensor:
        if maps.shape[-2:] == (side, side):
            return maps
        return torch.nn.functional.interpolate(
            maps, (side, side), mode="bilinear", align_corners=False, antialias=antialias
        )

    def _expanded(self, features: Features, n: int) -> dict[str, Any]:
        """Features and their positions for n masks, in sam2's layout [h * w, n, channels]; nothing is copied."""
        levels = features.levels[-self._model.num_feature_levels :]
        coarsest = levels[-1]
        position = self._model.image_encoder.neck.position_encoding(coarsest).to(coarsest.dtype)

        def flat(level: torch.Tensor) -> torch.Tensor:
            return level.expand(n, -1, -1, -1).flatten(2).permute(2, 0, 1)

        return {
            "current_vision_feats": [flat(level) for level in levels],
            "current_vision_pos_embeds": [flat(position)],  # of the others, the model looks at none
            "feat_sizes": [tuple(level.shape[-2:]) for level in levels],
        }

    def _track(
        self, maps: dict[str, Any], frame: int, *, mask_inputs: torch.Tensor | None, bank_view: dict[str, Any]
    ) -> Tracked:
        _, outputs, _, _ = self._model._track_step(
            frame_idx=frame,
            is_init_cond_frame=mask_inputs is not None,
            point_inputs=None,
            mask_inputs=mask_inputs,
            output_dict=bank_view,
            num_frames=self._n_frames,
            track_in_reverse=self._reverse,
            prev_sam_mask_logits=None,
            **maps,
        )
        _, _, candidate_iou, logits, fine_logits, pointer, presence_logits = outputs
        return Tracked(
            logits=logits,
            presence_logits=presence_logits[:, 0],
            predicted_iou=candidate_iou.amax(dim=1),  # the model outputs the candidate that it estimates best
            pointer=pointer,
            fine_logits=fine_logits,
        )

    def _memory_features(
        self, maps: dict[str, Any], fine_logits: torch.Tensor, presence_logits: torch.Tensor, *, is_prompt: bool
    ) -> torch.Tensor:
        spatial, _ = self._model._encode_new_memory(
            current_vision_feats=maps["current_vision_feats"],
            feat_sizes=maps["feat_sizes"],
            pred_masks_high_res=fine_logits,
            object_score_logits=presence_logits[:, None],
            is_mask_from_pts=is_prompt,
        )
        return spatial.to(torch.bfloat16)  # as upstream keeps them; read back, they are rounded in the same way

    def _memory_position(self, features: Features) -> torch.Tensor:
        """Positional encoding of memory features, [1, channels, h, w]. It depends on their size alone."""
        coarsest = features.levels[-1]
        return self._model.memory_encoder.position_encoding(coarsest)

"""SAM 2's steps on one frame, for a batch of masks over the same image features: take a prompt, track, remember."""

from dataclasses import dataclass, fields
from typing import Any

import torch
from sam2.modeling.sam2_base import SAM2Base

from overseg.propagate.sam2.features import Features
from overseg.propagate.sam2.memory import Memory
from overseg.propagate.small_regions import without_small_regions

MemoryView = dict[str, dict[int, dict[str, Any]]]
NO_MEMORY: MemoryView = {}


@dataclass(frozen=True)
class SmallRegions:
    """Which small regions of masks are mended, in pixels of the model's mask logits: a quarter of its image size.

    Attributes:
        max_hole_area_px: holes of at most this area are filled; 0 fills none. Upstream's default is 8.
        max_sprinkle_area_px: islands of at most this area are removed; 0 removes none, as upstream does.
    """

    max_hole_area_px: int = 8
    max_sprinkle_area_px: int = 0


AS_UPSTREAM = SmallRegions()


@dataclass(frozen=True)
class Clicks:
    """Points on one frame, as many for every mask of the batch; a box is the two points 2 and 3, its corners.

    Attributes:
        xy: in pixels of the model's square image, float32 [n, p, 2].
        labels: 1 inside, 0 outside, 2 and 3 a box's first and second corner, int32 [n, p].
        logits_before: of the mask to be refined, [n, 1, h, w] at a quarter of the model's resolution; None without one.
    """

    xy: torch.Tensor
    labels: torch.Tensor
    logits_before: torch.Tensor | None


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

    @property
    def score(self) -> torch.Tensor:
        """The probability that the object is in the picture times the estimated IoU, in [0, 1], [n]."""
        return self.presence_logits.float().sigmoid() * self.predicted_iou.float().clamp(0, 1)


class Sam2Steps:
    """The parts of `SAM2Base` that propagate masks, each for a batch of masks of one frame.

    Args:
        model: from `load_sam2`.
        n_frames: frames of the whole video; bounds the object pointers' positions as upstream does.
        reverse: whether frames come in reverse order of time.
        small_regions: which of them are mended.
    """

    def __init__(self, model: SAM2Base, *, n_frames: int, reverse: bool, small_regions: SmallRegions) -> None:
        self._model = model
        self._n_frames = n_frames
        self._reverse = reverse
        self._small_regions = small_regions

    def take_masks(self, features: Features, frame: int, masks: torch.Tensor) -> Tracked:
        """What the model makes of masks given on `frame`, float32 [n, 1, h, w] at video resolution, 0 or 1."""
        fitted = self._resized(masks, self._model.image_size, antialias=True)
        return self._track(features, len(masks), frame, mask_inputs=(fitted >= 0.5).float())

    def take_clicks(self, features: Features, frame: int, clicks: Clicks, memories: MemoryView) -> Tracked:
        """What the model makes of clicks given on `frame`, in the light of `memories` where masks are corrected."""
        points = {"point_coords": clicks.xy, "point_labels": clicks.labels}
        logits = (
            None if clicks.logits_before is None else clicks.logits_before.clamp(-32, 32)
        )  # as upstream bounds them
        return self._track(features, len(clicks.xy), frame, memories, point_inputs=points, prev_sam_mask_logits=logits)

    def track(self, features: Features, frame: int, memories: MemoryView, n: int) -> Tracked:
        """Where the n masks that left `memories` lie on `frame`."""
        return self._track(features, n, frame, memories)

    def remember(self, features: Features, tracked: Tracked) -> Memory:
        """The memory that tracked masks leave behind."""
        spatial = self._spatial(features, tracked.fine_logits, tracked.presence_logits, is_prompt=False)
        return Memory(spatial, tracked.pointer)

    def remember_prompted(
        self, features: Features, logits: torch.Tensor, presence_logits: torch.Tensor, pointer: torch.Tensor
    ) -> Memory:
        """The memory that prompted masks leave behind: through their low-resolution logits, as upstream does it."""
        fine_logits = self._resized(logits, self._model.image_size)
        return Memory(self._spatial(features, fine_logits, presence_logits, is_prompt=True), pointer)

    def memory_position(self, features: Features) -> torch.Tensor:
        """Positional encoding of memory features, [1, channels, h, w]. It depends on their size alone."""
        return self._model.memory_encoder.position_encoding(features.levels[-1])

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
        self,
        features: Features,
        n: int,
        frame: int,
        memories: MemoryView = NO_MEMORY,
        *,
        mask_inputs: torch.Tensor | None = None,
        point_inputs: dict[str, torch.Tensor] | None = None,
        prev_sam_mask_logits: torch.Tensor | None = None,
    ) -> Tracked:
        _, outputs, _, _ = self._model._track_step(
            frame_idx=frame,
            is_init_cond_frame=not memories,
            point_inputs=point_inputs,
            mask_inputs=mask_inputs,
            output_dict=memories,
            num_frames=self._n_frames,
            track_in_reverse=self._reverse,
            prev_sam_mask_logits=prev_sam_mask_logits,
            **self._expanded(features, n),
        )
        _, _, candidate_iou, logits, fine_logits, pointer, presence_logits = outputs
        return Tracked(
            logits=without_small_regions(
                logits,
                max_hole_area_px=self._small_regions.max_hole_area_px,
                max_sprinkle_area_px=self._small_regions.max_sprinkle_area_px,
            ),
            presence_logits=presence_logits[:, 0],
            predicted_iou=candidate_iou.amax(dim=1),  # the model outputs the candidate that it estimates best
            pointer=pointer,
            fine_logits=fine_logits,
        )

    def _spatial(
        self, features: Features, fine_logits: torch.Tensor, presence_logits: torch.Tensor, *, is_prompt: bool
    ) -> torch.Tensor:
        maps = self._expanded(features, len(fine_logits))
        spatial, _ = self._model._encode_new_memory(
            current_vision_feats=maps["current_vision_feats"],
            feat_sizes=maps["feat_sizes"],
            pred_masks_high_res=fine_logits,
            object_score_logits=presence_logits[:, None],
            is_mask_from_pts=is_prompt,
        )
        return spatial.to(torch.bfloat16)  # as upstream keeps them; read back, they are rounded in the same way

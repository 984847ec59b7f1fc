"""SAM 2's steps on one frame, for a batch of objects: take prompts, track, and remember."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from sam2.modeling.sam2_base import SAM2Base

from overseg.propagate.sam2.features import ImageFeatures
from overseg.propagate.sam2.logit_cleanup import LogitCleanup
from overseg.propagate.sam2.memory import FrameMemory, ObjectMemory

_MAX_LOGIT = 32.0  # upstream's bound for logits that are used as a prompt


@dataclass(frozen=True)
class PointPrompts:
    """Points on one frame, p for each of n objects. A box is its two corners, with the labels 2 and 3.

    Attributes:
        xy: in pixels of the model's square image, float32 [n, p, 2].
        labels: 1 on the object, 0 beside it, 2 and 3 a box's first and second corner, int32 [n, p].
        logits: of the mask to refine, [n, 1, h, w] at a quarter of the model's resolution; None without one.
    """

    xy: torch.Tensor
    labels: torch.Tensor
    logits: torch.Tensor | None = None

    @classmethod
    def concatenate(cls, parts: "Sequence[PointPrompts]", logits: torch.Tensor | None) -> "PointPrompts":
        """The points of all `parts`, which have equally many each, with the logits to refine."""
        return cls(torch.cat([part.xy for part in parts]), torch.cat([part.labels for part in parts]), logits)


@dataclass(frozen=True)
class FrameOutput:
    """The model's output for n objects on one frame.

    Attributes:
        logits: mask logits at a quarter of the model's resolution, float32 [n, 1, h, w]; positive inside.
        object_score_logits: positive where the model sees the object in the picture, [n].
        predicted_iou: the model's own estimate of the mask's quality, in [0, 1], [n].
        obj_ptr: object pointers, [n, dim].
        high_res_logits: the logits at the model's resolution, [n, 1, size, size]. The frame's memory is made from
            them; None where they are not needed any more.
        prompt_masks: masks given as prompts at the model's resolution, bool [n, 1, size, size], where the frame's
            memory is made from them; else None.
    """

    logits: torch.Tensor
    object_score_logits: torch.Tensor
    predicted_iou: torch.Tensor
    obj_ptr: torch.Tensor
    high_res_logits: torch.Tensor | None = None
    prompt_masks: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.obj_ptr)

    @property
    def score(self) -> torch.Tensor:
        """The probability that the object is in the picture times the estimated IoU, in [0, 1], [n]."""
        return self.object_score_logits.float().sigmoid() * self.predicted_iou.float().clamp(0, 1)

    def take(self, rows: slice | torch.Tensor) -> "FrameOutput":
        """The rows with these numbers. A slice copies nothing."""
        return FrameOutput(
            self.logits[rows],
            self.object_score_logits[rows],
            self.predicted_iou[rows],
            self.obj_ptr[rows],
            None if self.high_res_logits is None else self.high_res_logits[rows],
            None if self.prompt_masks is None else self.prompt_masks[rows],
        )

    def without_high_res(self) -> "FrameOutput":
        """The same without logits at the model's resolution, which take 4 MB an object at 1024 px."""
        return replace(self, high_res_logits=None)

    @classmethod
    def concatenate(cls, parts: "Sequence[FrameOutput]") -> "FrameOutput":
        """All rows of `parts` in order, at least one, without logits at the model's resolution.

        All parts have masks given as prompts, or none has.
        """
        given = [part.prompt_masks for part in parts if part.prompt_masks is not None]
        return cls(
            torch.cat([part.logits for part in parts]),
            torch.cat([part.object_score_logits for part in parts]),
            torch.cat([part.predicted_iou for part in parts]),
            torch.cat([part.obj_ptr for part in parts]),
            prompt_masks=torch.cat(given) if given else None,
        )


@runtime_checkable
class TrackerSteps(Protocol):
    """The steps of a model on one frame; see `Sam2Steps`."""

    def prompt_masks(self, features: ImageFeatures, frame: int, masks: torch.Tensor) -> FrameOutput: ...

    def prompt_points(
        self, features: ImageFeatures, frame: int, points: PointPrompts, memory: ObjectMemory | None
    ) -> FrameOutput: ...

    def track(self, features: ImageFeatures, frame: int, memory: ObjectMemory) -> FrameOutput: ...

    def remember(self, features: ImageFeatures, output: FrameOutput, *, is_prompt: bool = False) -> FrameMemory: ...


class Sam2Steps:
    """The parts of `SAM2Base` that propagate masks, each for a batch of objects on one frame.

    `track` and `remember` are the tracker: features of a frame and a memory of the frames before it give the objects'
    masks, and these give the memory of the frame.

    Args:
        model: from `load_sam2`.
        n_frames: frames of the whole video. Upstream bounds the positions of object pointers by it.
        reverse: whether frames are visited in reverse order of time.
        cleanup: the small regions of masks to fill and to remove.
    """

    def __init__(self, model: SAM2Base, *, n_frames: int, reverse: bool, cleanup: LogitCleanup) -> None:
        self._model = model
        self._n_frames = n_frames
        self._reverse = reverse
        self._cleanup = cleanup

    def prompt_masks(self, features: ImageFeatures, frame: int, masks: torch.Tensor) -> FrameOutput:
        """The output for masks as prompts on `frame`, float32 [n, 1, h, w] at video resolution, 0 or 1."""
        fitted = self._resized(masks, self._model.image_size, antialias=True)
        return self._step(features, len(masks), frame, mask_inputs=(fitted >= 0.5).float())

    def prompt_points(
        self, features: ImageFeatures, frame: int, points: PointPrompts, memory: ObjectMemory | None
    ) -> FrameOutput:
        """The output for points as prompts on `frame`. `memory` is given where propagated masks are corrected."""
        inputs = {"point_coords": points.xy, "point_labels": points.labels}
        logits = None if points.logits is None else points.logits.clamp(-_MAX_LOGIT, _MAX_LOGIT)
        return self._step(features, len(points.xy), frame, memory, point_inputs=inputs, prev_sam_mask_logits=logits)

    def track(self, features: ImageFeatures, frame: int, memory: ObjectMemory) -> FrameOutput:
        """The output on `frame` for the objects of `memory`."""
        return self._step(features, memory.n_objects, frame, memory)

    def remember(self, features: ImageFeatures, output: FrameOutput, *, is_prompt: bool = False) -> FrameMemory:
        """The memory of a frame.

        Args:
            features: of the frame.
            output: for the objects on it.
            is_prompt: whether the frame has the objects' prompts. As upstream does it, the memory is then made from
                the logits at low resolution, enlarged.
        """
        high_res_logits = output.high_res_logits
        if is_prompt or high_res_logits is None:
            high_res_logits = self._resized(output.logits, self._model.image_size)
        maskmem_features, _ = self._model._encode_new_memory(
            **self._expanded(features, len(output), with_position=False),
            pred_masks_high_res=high_res_logits,
            object_score_logits=output.object_score_logits[:, None],
            is_mask_from_pts=is_prompt,
        )
        return FrameMemory(maskmem_features.to(torch.bfloat16), output.obj_ptr)  # the type that upstream keeps

    def _memory_position(self, features: ImageFeatures) -> torch.Tensor:
        """Positional encoding of memory features, [1, channels, h, w], in the type in which they are computed."""
        coarsest = features.levels[-1]
        return self._model.memory_encoder.position_encoding(coarsest).to(_computed_type(coarsest.device))

    @staticmethod
    def _resized(maps: torch.Tensor, side: int, *, antialias: bool = False) -> torch.Tensor:
        if maps.shape[-2:] == (side, side):
            return maps
        return torch.nn.functional.interpolate(
            maps, (side, side), mode="bilinear", align_corners=False, antialias=antialias
        )

    def _expanded(self, features: ImageFeatures, n: int, *, with_position: bool = True) -> dict[str, Any]:
        """Features for n objects, and their positions, in sam2's layout [h * w, n, channels]; nothing is copied."""
        levels = features.levels[-self._model.num_feature_levels :]

        def flat(level: torch.Tensor) -> torch.Tensor:
            return level.expand(n, -1, -1, -1).flatten(2).permute(2, 0, 1)

        maps: dict[str, Any] = {
            "current_vision_feats": [flat(level) for level in levels],
            "feat_sizes": [tuple(level.shape[-2:]) for level in levels],
        }
        if with_position:
            coarsest = levels[-1]
            position = self._model.image_encoder.neck.position_encoding(coarsest).to(coarsest.dtype)
            maps["current_vision_pos_embeds"] = [flat(position)]  # the model uses that of the last level only
        return maps

    def _step(
        self,
        features: ImageFeatures,
        n: int,
        frame: int,
        memory: ObjectMemory | None = None,
        *,
        mask_inputs: torch.Tensor | None = None,
        point_inputs: dict[str, torch.Tensor] | None = None,
        prev_sam_mask_logits: torch.Tensor | None = None,
    ) -> FrameOutput:
        _, outputs, _, _ = self._model._track_step(
            frame_idx=frame,
            is_init_cond_frame=memory is None,
            point_inputs=point_inputs,
            mask_inputs=mask_inputs,
            output_dict={} if memory is None else memory.output_dict(self._memory_position(features)),
            num_frames=self._n_frames,
            track_in_reverse=self._reverse,
            prev_sam_mask_logits=prev_sam_mask_logits,
            **self._expanded(features, n),
        )
        _, _, candidate_iou, logits, high_res_logits, obj_ptr, object_score_logits = outputs
        return FrameOutput(
            logits=self._cleanup.apply(logits),
            object_score_logits=object_score_logits[:, 0],
            predicted_iou=candidate_iou.amax(dim=1),  # the model outputs the candidate of the highest estimate
            obj_ptr=obj_ptr,
            high_res_logits=high_res_logits,
        )


def _computed_type(device: torch.device) -> torch.dtype:
    """The type that convolutions return here: that of mixed precision where it is on."""
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32

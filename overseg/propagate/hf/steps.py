"""The steps of a tracking model of transformers on one frame, each for a batch of objects.

They give the masks of transformers' own loop, which takes the objects one by one.
"""

from types import SimpleNamespace
from typing import Any

import torch
from torch.nn.functional import interpolate

from overseg.propagate.hf.tracker import HfTracker
from overseg.propagate.sam2.features import ImageFeatures
from overseg.propagate.sam2.logit_cleanup import LogitCleanup
from overseg.propagate.sam2.memory import FrameMemory, ObjectMemory
from overseg.propagate.sam2.steps import FrameOutput, PointPrompts

_INSIDE_LOGIT, _OUTSIDE_LOGIT = 10.0, -10.0  # of a mask that is given as a prompt
_ABSENT_LOGIT = -1024.0  # everywhere in the mask of an object that the model does not see


class HfSteps:
    """See `Sam2Steps`; prompts are taken as transformers takes them, without the mask before a correction.

    Args:
        tracker: the model.
        n_frames: frames of the whole video, by which the positions of object pointers are bounded.
        reverse: whether frames are visited in reverse order of time.
        cleanup: the small regions of masks to fill and to remove.
    """

    def __init__(self, tracker: HfTracker, *, n_frames: int, reverse: bool, cleanup: LogitCleanup) -> None:
        self._tracker, self._model = tracker, tracker.model
        self._n_frames = n_frames
        self._reverse = reverse
        self._cleanup = cleanup

    def prompt_masks(self, features: ImageFeatures, frame: int, masks: torch.Tensor) -> FrameOutput:
        """The output for masks as prompts on `frame`, float32 [n, 1, h, w] at video resolution, 0 or 1."""
        fitted = _resized(masks, self._tracker.image_size) >= 0.5
        inputs = self._model.mask_downsample(fitted.float())
        found = self._decoded(features, self._expanded(features, len(masks)), masks=inputs)
        is_seen = fitted.flatten(1).any(dim=1)
        shown = is_seen[:, None].to(found.obj_ptr.dtype)
        return FrameOutput(
            logits=_resized(_logits(fitted), self._model.prompt_encoder.mask_input_size[0]),
            object_score_logits=torch.where(is_seen, _INSIDE_LOGIT, _OUTSIDE_LOGIT),
            predicted_iou=torch.ones_like(found.predicted_iou),
            obj_ptr=shown * found.obj_ptr + (1 - shown) * self._model.no_object_pointer,
            prompt_masks=fitted,
        )

    def prompt_points(
        self, features: ImageFeatures, frame: int, points: PointPrompts, memory: ObjectMemory | None
    ) -> FrameOutput:
        """The output for points as prompts on `frame`. `memory` is given where propagated masks are corrected."""
        n = len(points.xy)
        pixels = (
            self._expanded(features, n, added=self._model.no_memory_embedding)
            if memory is None
            else self._conditioned(features, frame, memory)
        )
        prompt = {"point_labels": points.labels[:, None]}
        is_multimask = self._model._use_multimask(memory is None, prompt)
        return self._decoded(features, pixels, points=points, is_multimask=is_multimask)

    def track(self, features: ImageFeatures, frame: int, memory: ObjectMemory) -> FrameOutput:
        """The output on `frame` for the objects of `memory`."""
        pixels = self._conditioned(features, frame, memory)
        return self._decoded(features, pixels, is_multimask=self._model._use_multimask(False, None))

    def remember(self, features: ImageFeatures, output: FrameOutput, *, is_prompt: bool = False) -> FrameMemory:
        """The memory of a frame, its features [n, positions, channels]; see `Sam2Steps.remember`."""
        if output.prompt_masks is not None:
            high_res = _logits(output.prompt_masks)
        elif output.high_res_logits is not None:
            high_res = output.high_res_logits
        else:
            high_res = _resized(output.logits, self._tracker.image_size)
        presence = output.object_score_logits[:, None, None]
        n_at_once = 1 if self._tracker.family.encodes_memories_alone else len(output)
        parts = [
            self._model._encode_new_memory(
                current_vision_feats=features.levels[-1].expand(-1, len(logits), -1),
                pred_masks_high_res=logits,
                object_score_logits=scores,
                is_mask_from_pts=is_prompt,
            )
            for logits, scores in zip(high_res.split(n_at_once), presence.split(n_at_once), strict=True)
        ]
        rows = self._tracker.family.memory_rows
        position = parts[0][1].movedim(rows, 0)[:1]  # the same for all frames and objects
        memory_features = torch.cat([memory.movedim(rows, 0) for memory, _ in parts])
        return FrameMemory(memory_features, output.obj_ptr, position)

    def _conditioned(self, features: ImageFeatures, frame: int, memory: ObjectMemory) -> torch.Tensor:
        """The coarsest features with what the model remembers, [n, channels, h, w]."""
        model, n, device = self._model, memory.n_objects, self._tracker.device
        remembered = SimpleNamespace(output_dict_per_obj={0: self._outputs(memory)})  # a batch in place of one object
        entries = model._gather_memory_frame_outputs(remembered, 0, frame, self._reverse)
        memories, positions = model._build_memory_attention_inputs(entries, device)
        n_memories, n_pointer_tokens = len(memories), 0
        offsets, pointers, n_most = model._get_object_pointers(
            remembered, 0, frame, self._n_frames, device, self._reverse
        )
        if pointers:
            tokens, token_positions = model._process_object_pointers(
                offsets, pointers, n_most, n, self._tracker.hidden_dim, device
            )
            memories, positions = [*memories, tokens], [*positions, token_positions]
            n_pointer_tokens = len(tokens)
        level = features.levels[-1]
        attended = model.memory_attention(
            level.expand(-1, n, -1),
            torch.cat(memories).to(level.dtype),
            self._tracker.feature_position.to(level.dtype).expand(-1, n, -1),
            torch.cat([position.expand(-1, n, -1) for position in positions]),
            n_pointer_tokens,
            *((n_memories,) if self._tracker.family.counts_memories else ()),
        )
        return self._as_map(attended.reshape(n, len(level), -1).transpose(0, 1), -1)

    def _outputs(self, memory: ObjectMemory) -> dict[str, dict[int, dict[str, Any]]]:
        """The memories in the form that the model takes."""
        rows = self._tracker.family.memory_rows

        def entry(one: FrameMemory) -> dict[str, Any]:
            features = None if one.maskmem_features is None else one.maskmem_features.movedim(0, rows)
            position = None if one.position is None else one.position.movedim(0, rows)
            return {"maskmem_features": features, "maskmem_pos_enc": position, "object_pointer": one.obj_ptr}

        return {
            "cond_frame_outputs": {frame: entry(one) for frame, one in memory.conditioning.items()},
            "non_cond_frame_outputs": {frame: entry(one) for frame, one in memory.recent.items()},
        }

    def _decoded(
        self,
        features: ImageFeatures,
        pixels: torch.Tensor,
        *,
        points: PointPrompts | None = None,
        masks: torch.Tensor | None = None,
        is_multimask: bool = True,
    ) -> FrameOutput:
        """What the mask decoder finds in n objects' features [n, channels, h, w], its best answer for each."""
        model, n = self._model, len(pixels)
        if masks is not None:
            masks = _resized(masks, model.prompt_encoder.mask_input_size[0])
        sparse, dense = model.prompt_encoder(
            pixels.new_zeros(n, 1, 1, 2) if points is None else points.xy[:, None].to(pixels.dtype),
            -torch.ones(n, 1, 1, dtype=torch.int32, device=pixels.device) if points is None else points.labels[:, None],
            None,
            masks,
        )
        logits, ious, tokens, presence = model.mask_decoder(
            image_embeddings=pixels,
            image_positional_embeddings=model.get_image_wide_positional_embeddings().repeat(n, 1, 1, 1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=is_multimask,
            high_resolution_features=[self._as_map(features.levels[k].expand(-1, n, -1), k) for k in (0, 1)],
        )
        rows, best = torch.arange(n, device=pixels.device), ious[:, 0].argmax(dim=-1)
        is_seen = presence[:, 0] > 0
        low_res = torch.where(is_seen[:, :, None], logits[rows, 0, best], _ABSENT_LOGIT)[:, None]
        pointer = model.object_pointer_proj(tokens[rows, 0, best if tokens.shape[2] > 1 else 0])
        seen = is_seen.to(pointer.dtype)
        return FrameOutput(
            logits=self._cleanup.apply(low_res.float()),
            object_score_logits=presence[:, 0, 0],
            predicted_iou=ious[rows, 0, best],
            obj_ptr=seen * pointer + (1 - seen) * model.no_object_pointer,
            high_res_logits=_resized(low_res.float(), self._tracker.image_size, antialias=False),
        )

    def _expanded(self, features: ImageFeatures, n: int, *, added: torch.Tensor | None = None) -> torch.Tensor:
        """The coarsest features for n objects, [n, channels, h, w]."""
        level = features.levels[-1] if added is None else features.levels[-1] + added
        return self._as_map(level.expand(-1, n, -1), -1)

    def _as_map(self, level: torch.Tensor, number: int) -> torch.Tensor:
        """A level [h * w, n, channels] as [n, channels, h, w]."""
        return level.permute(1, 2, 0).unflatten(2, self._tracker.sizes[number])


def _logits(masks: torch.Tensor) -> torch.Tensor:
    """The logits that stand for masks that are given as prompts."""
    return masks.float() * (_INSIDE_LOGIT - _OUTSIDE_LOGIT) + _OUTSIDE_LOGIT


def _resized(maps: torch.Tensor, side: int, *, antialias: bool = True) -> torch.Tensor:
    if maps.shape[-2:] == (side, side):
        return maps
    return interpolate(maps, (side, side), mode="bilinear", align_corners=False, antialias=antialias)

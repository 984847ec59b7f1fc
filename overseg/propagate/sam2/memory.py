"""What SAM 2 remembers of objects on frames with prompts, and on recent frames.

The paper calls these the prompted and the recent memories (Ravi et al., SAM 2, arXiv:2408.00714, section 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import torch

from overseg.propagate.sam2.tracker import TrackerModel

SeenFrames = tuple[tuple[int, ...], tuple[int, ...]]  # conditioning frames and recent frames


@dataclass(frozen=True)
class FrameMemory:
    """What the model remembers of n objects on one frame, under upstream's names.

    Attributes:
        maskmem_features: memory features, bfloat16 [n, channels, h, w]; None where the frame is out of their reach.
        obj_ptr: object pointers, [n, dim].
        position: positional encoding of the memory features, the same for all objects; None for models that make it.
    """

    maskmem_features: torch.Tensor | None
    obj_ptr: torch.Tensor
    position: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.obj_ptr)

    def take(self, rows: slice | torch.Tensor) -> "FrameMemory":
        """The rows with these numbers. A slice copies nothing."""
        features = None if self.maskmem_features is None else self.maskmem_features[rows]
        return FrameMemory(features, self.obj_ptr[rows], self.position)

    @classmethod
    def concatenate(cls, parts: "Sequence[FrameMemory]") -> "FrameMemory":
        """All rows of `parts` in order. There is at least one part, and all of them have features, or none has."""
        if len(parts) == 1:
            return parts[0]
        features = [part.maskmem_features for part in parts if part.maskmem_features is not None]
        pointers = torch.cat([part.obj_ptr for part in parts])
        return cls(torch.cat(features) if features else None, pointers, parts[0].position)


@dataclass(frozen=True)
class Reach:
    """How far from a frame the model uses the memories of recent frames, in frames.

    Attributes:
        features: of their memory features.
        pointers: of their object pointers.
    """

    features: int
    pointers: int

    @classmethod
    def of(cls, model: TrackerModel) -> "Reach":
        """`num_maskmem` includes the frame with the prompt. All others but the latest are a stride apart."""
        features = (model.num_maskmem - 2) * model.memory_temporal_stride_for_eval + 1
        return cls(features, model.max_obj_ptrs_in_encoder - 1)

    @property
    def longest(self) -> int:
        return max(self.features, self.pointers)


@dataclass
class ObjectMemory:
    """What the model remembers of n objects that have memories on the same frames: one row each.

    Attributes:
        reach: from `Reach.of`.
        conditioning: by frame number, the memories of frames with prompts. They are used from any distance.
        recent: by frame number, the memories of other frames. They are used from nearby frames only.
    """

    reach: Reach
    conditioning: dict[int, FrameMemory] = field(default_factory=dict)
    recent: dict[int, FrameMemory] = field(default_factory=dict)

    @property
    def n_objects(self) -> int:
        """Number of objects; there is a frame at least."""
        return len(next(chain(self.conditioning.values(), self.recent.values())))

    def copy(self) -> "ObjectMemory":
        """The same memories in dictionaries of their own."""
        return replace(self, conditioning=dict(self.conditioning), recent=dict(self.recent))

    def take(self, rows: slice) -> "ObjectMemory":
        """The memories of some of the objects. Nothing is copied."""
        conditioning, recent = (
            {frame: memory.take(rows) for frame, memory in memories.items()}
            for memories in (self.conditioning, self.recent)
        )
        return ObjectMemory(self.reach, conditioning, recent)

    @classmethod
    def concatenate(cls, parts: "Sequence[ObjectMemory]", seen: SeenFrames) -> "ObjectMemory":
        """The memories of all objects of `parts` on these frames. There is at least one part."""
        conditioning, recent = seen
        return cls(
            parts[0].reach,
            {frame: FrameMemory.concatenate([part.conditioning[frame] for part in parts]) for frame in conditioning},
            {frame: FrameMemory.concatenate([part.recent[frame] for part in parts]) for frame in recent},
        )

    def seen_from(self, frame: int, *, reverse: bool) -> SeenFrames:
        """The conditioning frames, and the recent frames that the model uses on `frame`.

        Args:
            frame: its number.
            reverse: whether frames are visited in reverse order of time.
        """
        reach = self.reach.longest
        behind = range(frame + 1, frame + reach + 1) if reverse else range(frame - reach, frame)
        return tuple(sorted(self.conditioning)), tuple(other for other in behind if other in self.recent)

    def append(self, frame: int, memory: FrameMemory) -> None:
        """Add the memory of the latest frame, and forget what the model cannot use on the next one."""
        self.recent[frame] = memory
        for old in list(self.recent):
            distance = abs(frame - old) + 1  # to the next frame
            if distance > self.reach.longest:
                del self.recent[old]
            elif distance > self.reach.features:
                self.recent[old] = replace(self.recent[old], maskmem_features=None)

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all objects but those with these row numbers."""
        for memories in (self.conditioning, self.recent):
            for frame, memory in memories.items():  # one by one, so that only one frame's memory exists twice
                memories[frame] = memory.take(rows)

    def forget_far(self, around: Sequence[int]) -> None:
        """Forget recent frames that the model cannot use on any frame of `around`."""
        reach = self.reach.longest
        near = [range(frame - reach, frame + reach + 1) for frame in around]
        self.recent = {frame: memory for frame, memory in self.recent.items() if any(frame in span for span in near)}

    def output_dict(self, position: torch.Tensor) -> dict[str, dict[int, dict[str, Any]]]:
        """The memories in the form that `SAM2Base` takes.

        Args:
            position: positional encoding of memory features, [1, channels, h, w].
        """

        def entry(memory: FrameMemory) -> dict[str, Any]:
            # Upstream widens the features when it joins them with pointers, but on some frames there are no pointers.
            # In mixed precision that makes no difference.
            features = None if memory.maskmem_features is None else memory.maskmem_features.to(position.dtype)
            expanded = position.expand(len(memory), -1, -1, -1)
            return {"maskmem_features": features, "maskmem_pos_enc": [expanded], "obj_ptr": memory.obj_ptr}

        return {
            "cond_frame_outputs": {frame: entry(memory) for frame, memory in self.conditioning.items()},
            "non_cond_frame_outputs": {frame: entry(memory) for frame, memory in self.recent.items()},
        }

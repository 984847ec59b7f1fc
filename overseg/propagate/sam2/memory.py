"""What SAM 2 remembers of a clip's earlier frames, for all masks at once, no longer than it can look back."""

from dataclasses import dataclass, replace
from typing import Any

import torch


@dataclass(frozen=True)
class Memory:
    """What one frame leaves behind, one row per mask.

    Attributes:
        spatial: memory features, bfloat16 [n, channels, h, w]; None where too old to be looked at again.
        pointer: object pointers, [n, dim].
    """

    spatial: torch.Tensor | None
    pointer: torch.Tensor

    def take(self, rows: slice | torch.Tensor) -> "Memory":
        """The rows at these numbers; a slice copies nothing."""
        return replace(self, spatial=None if self.spatial is None else self.spatial[rows], pointer=self.pointer[rows])

    @classmethod
    def concatenate(cls, parts: "list[Memory]") -> "Memory":
        """All rows of `parts` (at least one, all with spatial features), in order."""
        spatial = [part.spatial for part in parts if part.spatial is not None]
        return cls(torch.cat(spatial), torch.cat([part.pointer for part in parts]))


class MemoryBank:
    """The prompt frame's memory, kept for good, and those of the frames behind the current one.

    The paper calls them prompted and recent memories (Ravi et al., SAM 2, arXiv:2408.00714, section 4).
    """

    def __init__(self, prompt_frame: int, prompt: Memory, *, n_spatial: int, stride: int, n_pointers: int) -> None:
        """
        Args:
            prompt_frame: index of the frame that prompts are given on.
            prompt: what it leaves behind.
            n_spatial: frames whose features are looked at, the prompt's among them (`num_maskmem`).
            stride: distance in frames between them, but for the last one (`memory_temporal_stride_for_eval`).
            n_pointers: frames whose pointers are looked at (`max_obj_ptrs_in_encoder`).
        """
        self._prompt_frame = prompt_frame
        self._prompt = prompt
        self._recent: dict[int, Memory] = {}
        self._spatial_reach = (n_spatial - 2) * stride + 1
        self._pointer_reach = n_pointers - 1

    def append(self, frame: int, memory: Memory) -> None:
        """Remember `frame`, the next one in the direction of the visit, and forget what is out of reach from there."""
        self._recent[frame] = memory
        for old in list(self._recent):
            distance = abs(frame - old) + 1  # from the frame that comes next
            if distance > max(self._spatial_reach, self._pointer_reach):
                del self._recent[old]
            elif distance > self._spatial_reach:
                self._recent[old] = Memory(None, self._recent[old].pointer)

    def keep(self, rows: torch.Tensor) -> None:
        """Forget all masks but those at these row numbers."""
        self._prompt = self._prompt.take(rows)
        for frame, memory in self._recent.items():  # one by one, so that only one frame's is there twice
            self._recent[frame] = memory.take(rows)

    def view(self, rows: slice, position: torch.Tensor) -> dict[str, dict[int, dict[str, Any]]]:
        """The memories of some masks in the form that `SAM2Base` looks them up in.

        Args:
            rows: which masks.
            position: positional encoding of the memory features, [1, channels, h, w].
        """

        prompt = memory_entry(self._prompt.take(rows), position)
        recent = {frame: memory_entry(memory.take(rows), position) for frame, memory in self._recent.items()}
        return {"cond_frame_outputs": {self._prompt_frame: prompt}, "non_cond_frame_outputs": recent}


def memory_entry(memory: Memory, position: torch.Tensor) -> dict[str, Any]:
    """A memory as `SAM2Base` looks it up; `position` is the encoding of its features, [1, channels, h, w]."""
    expanded = position.expand(len(memory.pointer), -1, -1, -1)
    return {"maskmem_features": memory.spatial, "maskmem_pos_enc": [expanded], "obj_ptr": memory.pointer}

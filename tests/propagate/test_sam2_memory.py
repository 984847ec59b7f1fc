"""The memory bank looks back as far as SAM 2 does and no further."""

import weakref
from typing import Any

import pytest
import torch

from overseg.propagate.sam2.memory import Memory, MemoryBank

N_MASKS = 3


def bank(stride: int = 1, prompt_frame: int = 0) -> MemoryBank:
    return MemoryBank(prompt_frame, memory(prompt_frame), n_spatial=7, stride=stride, n_pointers=16)


def memory(frame: int) -> Memory:
    spatial = torch.arange(N_MASKS)[:, None, None, None] + torch.full((N_MASKS, 4, 2, 2), 10.0 * frame)
    return Memory(spatial, spatial[:, :, 0, 0])


def seen(of: MemoryBank, rows: slice = slice(0, N_MASKS)) -> tuple[dict[int, Any], list[int]]:
    """The entries that a model sees, and which of them have spatial features."""
    entries = of.view(rows, torch.zeros(1, 4, 2, 2))["non_cond_frame_outputs"]
    return entries, [frame for frame, entry in entries.items() if entry["maskmem_features"] is not None]


@pytest.mark.parametrize(("start", "step"), [(0, 1), (40, -1)])
def test_six_frames_of_features_and_fifteen_pointers(start: int, step: int) -> None:
    memories = bank(prompt_frame=start)
    for distance in range(1, 31):
        memories.append(start + step * distance, memory(distance))
    entries, spatial = seen(memories)
    assert list(entries) == [start + step * distance for distance in range(16, 31)]
    assert spatial == [start + step * distance for distance in range(25, 31)]


def test_a_stride_looks_further_back() -> None:
    memories = bank(stride=3)
    for frame in range(1, 31):
        memories.append(frame, memory(frame))
    needed = {30} | {(31 - 2) // 3 * 3 - 3 * k for k in range(5)}  # the last frame, then every third
    assert needed <= set(seen(memories)[1])


def test_the_prompt_is_never_forgotten() -> None:
    memories = bank(prompt_frame=5)
    for frame in range(6, 60):
        memories.append(frame, memory(frame))
    prompt = memories.view(slice(1, 3), torch.zeros(1, 4, 2, 2))["cond_frame_outputs"]
    assert list(prompt) == [5]
    assert prompt[5]["maskmem_features"][:, 0, 0, 0].tolist() == [51, 52]
    assert prompt[5]["maskmem_pos_enc"][0].shape == (2, 4, 2, 2)


def test_masks_that_are_not_kept_are_gone_everywhere() -> None:
    memories = bank()
    for frame in range(1, 20):
        memories.append(frame, memory(frame))
    memories.keep(torch.tensor([0, 2]))
    entries, spatial = seen(memories, slice(0, 2))
    assert all(entry["obj_ptr"][:, 0].tolist() == [10 * frame, 10 * frame + 2] for frame, entry in entries.items())
    assert entries[spatial[0]]["maskmem_features"].shape == (2, 4, 2, 2)


def test_what_is_kept_is_copied_frame_by_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    memories, n_alive = bank(), []
    for frame in range(1, 6):
        memories.append(frame, memory(frame))
    old = [weakref.ref(one.spatial) for one in memories._recent.values()]
    take = Memory.take

    def counted(one: Memory, rows: torch.Tensor) -> Memory:
        n_alive.append(sum(ref() is not None for ref in old))
        return take(one, rows)

    monkeypatch.setattr(Memory, "take", counted)
    memories.keep(torch.tensor([0, 2]))
    assert n_alive == [5, 5, 4, 3, 2, 1]

"""The memory holds as many frames as SAM 2 uses and no more."""

import weakref
from functools import lru_cache
from typing import Any

import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base
from small_sam2 import small_sam2

from overseg.propagate.sam2.memory import FrameMemory, ObjectMemory, Reach
from overseg.propagate.sam2.random import random_sam2

N_MASKS = 3


@lru_cache
def model() -> SAM2Base:
    with small_sam2():
        return random_sam2("2.1")


def reach(stride: int = 1) -> Reach:
    model().memory_temporal_stride_for_eval = stride
    return Reach.of(model())


def prompted(stride: int = 1, prompt_frame: int = 0) -> ObjectMemory:
    return ObjectMemory(reach(stride), conditioning={prompt_frame: frame_memory(prompt_frame)})


def frame_memory(frame: int) -> FrameMemory:
    features = torch.arange(N_MASKS)[:, None, None, None] + torch.full((N_MASKS, 4, 2, 2), 10.0 * frame)
    return FrameMemory(features, features[:, :, 0, 0])


def seen(memory: ObjectMemory, rows: slice = slice(0, N_MASKS)) -> tuple[dict[int, Any], list[int]]:
    """The entries that a model gets, and the frames of those with memory features."""
    entries = memory.take(rows).output_dict(torch.zeros(1, 4, 2, 2))["non_cond_frame_outputs"]
    return entries, [frame for frame, entry in entries.items() if entry["maskmem_features"] is not None]


@pytest.mark.parametrize(("start", "step"), [(0, 1), (40, -1)])
def test_six_frames_of_features_and_fifteen_pointers(start: int, step: int) -> None:
    memory = prompted(prompt_frame=start)
    for distance in range(1, 31):
        memory.append(start + step * distance, frame_memory(distance))
    entries, spatial = seen(memory)
    assert list(entries) == [start + step * distance for distance in range(16, 31)]
    assert spatial == [start + step * distance for distance in range(25, 31)]


def test_a_stride_reaches_further_back() -> None:
    memory = prompted(stride=3)
    for frame in range(1, 31):
        memory.append(frame, frame_memory(frame))
    needed = {30} | {(31 - 2) // 3 * 3 - 3 * k for k in range(5)}  # the last frame, then every third
    assert needed <= set(seen(memory)[1])


def test_memories_of_prompts_are_never_forgotten() -> None:
    memory = prompted(prompt_frame=5)
    for frame in range(6, 60):
        memory.append(frame, frame_memory(frame))
    prompt = memory.take(slice(1, 3)).output_dict(torch.zeros(1, 4, 2, 2))["cond_frame_outputs"]
    assert list(prompt) == [5]
    assert prompt[5]["maskmem_features"][:, 0, 0, 0].tolist() == [51, 52]
    assert prompt[5]["maskmem_pos_enc"][0].shape == (2, 4, 2, 2)


def test_objects_that_are_not_kept_are_forgotten_on_all_frames() -> None:
    memory = prompted()
    for frame in range(1, 20):
        memory.append(frame, frame_memory(frame))
    memory.keep(torch.tensor([0, 2]))
    entries, spatial = seen(memory, slice(0, 2))
    assert all(entry["obj_ptr"][:, 0].tolist() == [10 * frame, 10 * frame + 2] for frame, entry in entries.items())
    assert entries[spatial[0]]["maskmem_features"].shape == (2, 4, 2, 2)


def test_memories_are_copied_frame_by_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, n_alive = prompted(), []
    for frame in range(1, 6):
        memory.append(frame, frame_memory(frame))
    old = [weakref.ref(one.maskmem_features) for one in memory.recent.values()]
    take = FrameMemory.take

    def counted(one: FrameMemory, rows: torch.Tensor) -> FrameMemory:
        n_alive.append(sum(ref() is not None for ref in old))
        return take(one, rows)

    monkeypatch.setattr(FrameMemory, "take", counted)
    memory.keep(torch.tensor([0, 2]))
    assert n_alive == [5, 5, 4, 3, 2, 1]

"""The number of masks propagated at once follows from the device's memory."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base

from overseg.propagate.sam2 import runtime
from overseg.propagate.sam2.random import random_sam2
from overseg.propagate.sam2.runtime import fitting_batch, mask_bytes, remembered_bytes

FULL_HD = (1080, 1920)
GIB = 2**30
ENCODER_BYTES = 1.5 * GIB  # for a frame at 1024 px, without the weights; more than was measured


LARGE_WEIGHTS_BYTES = 898_083_611  # size of the file of sam2.1_hiera_large


@pytest.fixture(scope="module")
def model() -> SAM2Base:
    """The smallest model. All parts after the image encoder have the same shapes in all sizes."""
    return random_sam2("2.1")


@pytest.fixture
def device_of(monkeypatch: pytest.MonkeyPatch, model: SAM2Base) -> Callable[[float], None]:
    """A function that simulates a device with this much memory, which holds the weights of the large model."""

    def simulate(total_bytes: float, *, free_bytes: float = 0) -> None:
        properties = SimpleNamespace(total_memory=int(total_bytes))
        monkeypatch.setattr(type(model), "device", torch.device("cuda"))
        monkeypatch.setattr(runtime, "weights_bytes", lambda _: LARGE_WEIGHTS_BYTES)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (int(free_bytes), int(total_bytes)))

    return simulate


def test_300_masks_of_a_full_hd_clip_fit_into_8_gb_beside_the_large_model(model: SAM2Base, device_of: Callable) -> None:
    total_bytes = 8e9
    device_of(total_bytes)
    at_once = fitting_batch(model, FULL_HD, n_masks=300)
    assert at_once >= 8
    needed_bytes = (
        LARGE_WEIGHTS_BYTES + remembered_bytes(model, 300) + max(ENCODER_BYTES, at_once * mask_bytes(model, FULL_HD))
    )
    assert needed_bytes < total_bytes


def test_more_memory_propagates_more_at_once_up_to_a_limit(model: SAM2Base, device_of: Callable) -> None:
    found = []
    for total_bytes in (2 * GIB, 8 * GIB, 16 * GIB, 200 * GIB):
        device_of(total_bytes)
        found.append(fitting_batch(model, FULL_HD, n_masks=300))
    assert found == sorted(found)
    assert found[0] == 1
    assert found[-1] == runtime._ACCELERATOR_MAX_BATCH


def test_what_other_programs_use_does_not_count(model: SAM2Base, device_of: Callable) -> None:
    found = set()
    for free_bytes in (1 * GIB, 70 * GIB):
        device_of(80 * GIB, free_bytes=free_bytes)
        found.add(fitting_batch(model, FULL_HD, n_masks=300))
    device_of(80 * GIB - 300_000_000, free_bytes=GIB)  # the driver reports a little more or less
    found.add(fitting_batch(model, FULL_HD, n_masks=300))
    assert len(found) == 1


def test_memories_of_more_masks_leave_less_room_for_a_batch(model: SAM2Base, device_of: Callable) -> None:
    device_of(8 * GIB)
    assert fitting_batch(model, FULL_HD, n_masks=900) < fitting_batch(model, FULL_HD, n_masks=10)


def test_on_mps_it_follows_from_the_recommended_memory(model: SAM2Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(model), "device", torch.device("mps"))
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 8 * GIB)
    assert 8 <= fitting_batch(model, FULL_HD, n_masks=300) < 30

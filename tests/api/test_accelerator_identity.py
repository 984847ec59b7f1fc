"""A store depends on the kind of the accelerator that made its masks, and on no CPU."""

from types import SimpleNamespace

import pytest
import torch

from overseg.api.shared import identity_of
from overseg.batching import accelerator
from overseg.data.settings import Settings
from overseg.data.video_info import VideoInfo
from overseg.store.root import Root, differences

INFO = VideoInfo("cup", "0" * 64, 9, 40, 60, 25.0)
WEIGHTS = {"propagator": {"name": "sam2.1_hiera_tiny", "sha256": "1" * 64}}
GIB = 1 << 30


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two kinds of GPU."""
    names, gib = ("NVIDIA H100", "NVIDIA L4"), (79.6, 22.5)
    properties = [SimpleNamespace(total_memory=int(one * GIB)) for one in gib]
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: names[torch.device(device).index or 0])
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties[torch.device(device).index or 0])


def store(device: str, weights: dict = WEIGHTS) -> Root:
    return Root(identity_of(INFO, Settings(), weights, device=device), {}, (40, 60))


def test_one_kind_of_gpu_continues_what_it_began(gpus: None) -> None:
    assert accelerator("cuda:1") == {"device": "NVIDIA L4", "memory_gib": 22}
    assert differences(store("cuda"), store("cuda:0")) == ""


def test_another_kind_does_not_and_the_line_names_both(gpus: None) -> None:
    line = differences(store("cuda:0"), store("cuda:1"))
    assert "accelerator.device: the store has 'NVIDIA H100', this run 'NVIDIA L4'" in line.replace('"', "'")
    assert "accelerator.memory_gib: the store has 79, this run 22" in line
    assert "accelerator.device: the store has" in differences(store("cuda:0"), store("cpu"))


def test_a_cpu_is_no_part_of_it(gpus: None) -> None:
    assert set(store("cpu").identity) == {"video", "settings", "weights"}  # as in stores of earlier versions


def test_a_gpu_on_which_no_model_computes_is_no_part_of_it(gpus: None) -> None:
    assert differences(store("cpu", {}), store("cuda", {})) == ""

"""Checkpoints are recognised and loaded, and other files are errors with advice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_cuda import FakeCuda
from sam2.modeling.sam.transformer import RoPEAttention
from sam2.modeling.sam2_base import SAM2Base

from overseg.errors import DeviceError, SettingsError, WeightsError
from overseg.propagate.sam2.model import Sam2Variant, build_sam2_model, load_sam2, prepare_tables, sam2_variant
from overseg.propagate.sam2.random import random_sam2, save_random_sam2

VARIANTS = [Sam2Variant(version, size) for version in ("2", "2.1") for size in ("t", "s", "b+", "l")]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_sam2(tmp_path_factory.mktemp("weights") / "any_name.pt", "2.1")


@pytest.fixture
def spoiled(checkpoint: Path, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """A copy of the checkpoint, with weights that a function changed in place."""

    def spoil(change: Callable[[dict[str, Any]], None]) -> Path:
        content = torch.load(checkpoint, weights_only=True)
        change(content["model"])
        torch.save(content, tmp_path / "spoiled.pt")
        return tmp_path / "spoiled.pt"

    return spoil


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_version_and_size_are_read_from_the_weights(variant: Sam2Variant, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "kaiming_uniform_",
        "trunc_normal_",
        "uniform_",
        "normal_",
    ):  # slow, and values do not matter
        monkeypatch.setattr(torch.nn.init, name, lambda tensor, *args, **kwargs: tensor)
    assert sam2_variant(build_sam2_model(variant).state_dict(), source="here") == variant


def test_weights_are_loaded_unchanged(checkpoint: Path) -> None:
    loaded = load_sam2(checkpoint, image_size=128)
    expected = random_sam2("2.1").state_dict()
    loaded_weights = {name.replace("memory_attention.original.", "memory_attention."): value
               for name, value in loaded.state_dict().items()}  # fmt: skip
    assert loaded_weights.keys() == expected.keys()
    assert all(torch.equal(loaded_weights[name], value) for name, value in expected.items())
    assert loaded.image_size == 128
    assert not loaded.training


def test_the_checkpoints_own_size_is_the_default(checkpoint: Path) -> None:
    assert load_sam2(checkpoint).image_size == 1024


@pytest.mark.parametrize(("image_size", "near"), [(100, 96), (1, 32), (0, 32), (-64, 32)])
def test_a_size_that_is_no_multiple_of_32_is_an_error(checkpoint: Path, image_size: int, near: int) -> None:
    with pytest.raises(SettingsError, match=f"multiple of 32 .* got {image_size}; try {near}"):
        load_sam2(checkpoint, image_size=image_size)


def test_missing_and_truncated_files_are_errors(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.pt"):
        load_sam2(tmp_path / "nowhere.pt")
    cut_off = tmp_path / "cut_off.pt"
    cut_off.write_bytes(checkpoint.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match=r"cut_off\.pt"):
        load_sam2(cut_off)


def test_other_weights_are_errors(tmp_path: Path) -> None:
    torch.save({"image_encoder.pos_embed": torch.zeros(1)}, tmp_path / "sam.pt")
    with pytest.raises(WeightsError, match=r"expected a SAM 2 .* in .*sam\.pt, got a SAM 1 checkpoint"):
        load_sam2(tmp_path / "sam.pt")
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "net.pt")
    with pytest.raises(WeightsError, match=r"in .*net\.pt, got 1 other weights"):
        load_sam2(tmp_path / "net.pt")


def test_weights_that_do_not_fit_their_configuration_are_an_error_that_names_both(spoiled: Callable) -> None:
    path = spoiled(lambda state: state.pop("no_mem_embed"))
    with pytest.raises(WeightsError, match=r"spoiled\.pt .*sam2\.1_hiera_t\.yaml.* \W?no_mem_embed"):
        load_sam2(path)
    path = spoiled(lambda state: state.update(no_mem_embed=torch.zeros(2)))
    with pytest.raises(WeightsError, match=r"spoiled\.pt .*sam2\.1_hiera_t\.yaml.* \W?no_mem_embed"):
        load_sam2(path)


def test_an_image_encoder_of_unknown_size_is_an_error(spoiled: Callable) -> None:
    path = spoiled(_drop_last_block)
    with pytest.raises(WeightsError, match=r"width x blocks 96 x 12 \(t\), .*, got 96 x 11"):
        load_sam2(path)


def _drop_last_block(state: dict[str, Any]) -> None:
    for name in [name for name in state if name.startswith("image_encoder.trunk.blocks.11.")]:
        del state[name]


@pytest.mark.parametrize("device", ["cuda:99", "warp"])
def test_a_device_that_is_not_available_is_an_error(checkpoint: Path, device: str) -> None:
    with pytest.raises(DeviceError, match=f"got '{device}'.*try --device cpu"):
        load_sam2(checkpoint, device=device, image_size=64)


def test_nothing_is_put_on_the_first_gpu_where_another_device_is_asked_for(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # and yet any use of it fails here
    assert {table.device.type for table in tables(load_sam2(checkpoint, device="cpu", image_size=64))} == {"cpu"}


def test_tables_of_positions_are_made_on_the_models_device(monkeypatch: pytest.MonkeyPatch) -> None:
    model, gpu = random_sam2("2.1"), FakeCuda()
    model.image_size = 64
    prepare_tables(model)
    assert {table.device.type for table in tables(model)} == {"cpu"}
    gpu.moved(model)
    with gpu.running(monkeypatch):
        prepare_tables(model)
    made = tables(model)
    assert len(made) == 4 + 1 + 2 * 4  # levels, memories, and two tables of each layer of memory attention
    assert {table.device.type for table in made} == {"cuda"}


def tables(model: SAM2Base) -> list[torch.Tensor]:
    """What sam2 keeps of positions, besides weights and buffers."""
    caches = (model.image_encoder.neck.position_encoding.cache, model.memory_encoder.position_encoding.cache)
    layers = [part.freqs_cis for part in model.memory_attention.modules() if isinstance(part, RoPEAttention)]
    return [*layers, *(table for cache in caches for table in cache.values())]

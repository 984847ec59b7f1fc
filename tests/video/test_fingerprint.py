"""The hash of a video's content."""

import hashlib
from pathlib import Path

import pytest

from overseg.errors import InputError
from overseg.video import fingerprint as module
from overseg.video.fingerprint import fingerprint


def test_a_file_has_its_plain_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(256)) * 9999)
    expected = hashlib.sha256(bytes(range(256)) * 9999).hexdigest()
    assert fingerprint([tmp_path / "a"], with_names=False) == expected


def test_large_files_are_sampled_over_their_whole_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FULL_HASH_BYTES", 1000)
    monkeypatch.setattr(module, "_READ_BYTES", 10)
    monkeypatch.setattr(module, "_SAMPLED_BLOCKS", 5)
    content = bytearray(2000)
    path = tmp_path / "a"
    path.write_bytes(content)
    before = fingerprint([path], with_names=False)
    for at, counts in {0: True, 9: True, 30: False, 1000: True, 1999: True}.items():
        content[at] = 1
        path.write_bytes(content)
        assert (fingerprint([path], with_names=False) != before) is counts
        content[at] = 0
    path.write_bytes(bytes(2001))
    assert fingerprint([path], with_names=False) != before


def test_a_file_that_went_away(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.mp4"):
        fingerprint([tmp_path / "gone.mp4"], with_names=False)

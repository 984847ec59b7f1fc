"""Atomic writing, and removing what killed processes left."""

import os

import pytest

from overseg.files.atomic import publish_folder, replacing, write_durably
from overseg.files.holding import hold, remove_abandoned


def test_a_file_is_replaced_when_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_changes_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyError), replacing(path) as temporary:
        temporary.write_text("new")
        raise KeyError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_cannot_be_flushed_changes_nothing(tmp_path, monkeypatch):
    def failing(descriptor: int) -> None:
        raise OSError

    path = tmp_path / "a.txt"
    write_durably(path, b"old")
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_every_file_and_folder_is_on_the_disk_before_a_folder_gets_its_name(tmp_path, monkeypatch):
    made, path, synced = tmp_path / "made", tmp_path / "published", set()
    (made / "a" / "b").mkdir(parents=True)
    (made / "empty").mkdir()
    files = [made / "a" / f"{i}" for i in range(20)] + [made / "a" / "b" / "c", made / "d"]
    for file in files:
        file.write_bytes(b"x")
    wanted = {os.stat(one).st_ino for one in (made, made / "a", made / "a" / "b", made / "empty", *files)}
    (made / "link").symlink_to("nowhere")
    (made / "a" / "above").symlink_to(tmp_path)
    rename = os.rename

    def renamed_last(*names: object) -> None:
        assert synced == wanted
        rename(*names)

    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    monkeypatch.setattr(os, "rename", renamed_last)
    publish_folder(made, path)
    assert (path / "a" / "b" / "c").is_file() and synced == wanted | {tmp_path.stat().st_ino}


def test_only_files_and_folders_that_no_process_holds_are_removed(tmp_path):
    held, file, folder = (tmp_path / name for name in ("held", "file", "folder"))
    held.mkdir()
    folder.mkdir()
    (folder / "inside").write_text("x")
    file.write_text("x")
    descriptor = hold(held)
    remove_abandoned([held, file, folder, tmp_path / "missing"])
    assert list(tmp_path.iterdir()) == [held]
    os.close(descriptor)
    remove_abandoned([held])
    assert list(tmp_path.iterdir()) == []

"""Creating, resuming, overwriting and refusing stores, and the messages."""

import fcntl
import json
import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from store.store_samples import SIZE, identity, open_store, publish, same, visit, visits

from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.errors import StoreError
from overseg.store.progress import progress
from overseg.store.result import open_result
from overseg.store.root import Root, differences
from overseg.store.zarr_store import ZarrStore

KEY = VisitKey(0, 4, 8, Direction.FORWARD)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def path(tmp_path) -> Path:
    """A store with one visit."""
    with open_store(tmp_path / "out.zarr") as store:
        store.commit(visit(KEY))
    return tmp_path / "out.zarr"


def test_parents_are_made_and_an_empty_folder_is_fine(tmp_path):
    open_store(tmp_path / "a" / "b" / "out.zarr").close()
    (tmp_path / "empty").mkdir()
    open_store(tmp_path / "empty").close()
    assert progress(tmp_path / "empty").n_visits == 0


def test_another_run_is_refused_and_its_differences_are_named(path):
    before = content(path)
    with pytest.raises(StoreError) as refused:
        open_store(path, step=10, generator={"name": "sam1"}, extra=3)
    message = str(refused.value)
    assert "settings.step: the store has 4, this run 10" in message
    assert 'settings.generator.name: the store has "toy", this run "sam1"' in message
    assert "settings.extra: the store has nothing, this run 3" in message
    assert "--overwrite" in message
    assert "\n" not in message
    assert content(path) == before


def test_shots_keep_their_keyframes(tmp_path):
    shots = [Shot(0, 12, more_keyframes=(2, 7)), Shot(13, 20), Shot(21, 40, more_keyframes=(33,))]
    with open_store(tmp_path) as store:
        store.keep_shots(shots)
    with open_store(tmp_path) as store:
        assert store.shots() == shots


def test_another_run_may_begin_where_nothing_was_committed(tmp_path):
    with open_store(tmp_path) as store:
        store.keep_shots([Shot(0, 12)])
    with open_store(tmp_path, step=10) as store:
        assert (store.committed(), store.shots()) == (frozenset(), None)
        store.commit(visit(KEY))
    with pytest.raises(StoreError, match=r"settings\.step: the store has 10, this run 4"):
        open_store(tmp_path)


def test_damaged_attributes_are_named(path):
    root = json.loads((path / "zarr.json").read_text())
    for name, value in (("identity", None), ("format_version", "one"), ("size", [])):
        attributes = {key: kept for key, kept in root["attributes"].items() if key != name}
        if value is not None:
            attributes[name] = value
        (path / "zarr.json").write_text(json.dumps(root | {"attributes": attributes}))
        before = content(path)
        for opening in (open_store, open_result):
            with pytest.raises(StoreError, match=r"zarr\.json, found them damaged"):
                opening(path)
        assert content(path) == before


def test_few_of_many_differences_are_named_and_long_values_are_cut():
    old, new = (Root({"video": {str(i): letter * 64 for i in range(7)}}, {}, SIZE) for letter in "ab")
    said = differences(old, new)
    assert said.endswith("; and 4 more")
    assert len(said) < 400


def test_equal_identities_whatever_their_order_and_sequence_type(path):
    turned = dict(reversed(identity(resize=(1, 2)).items()))
    again = identity(resize=[1, 2])
    other = path.with_name("other.zarr")
    with ZarrStore.create_or_resume(other, identity=turned, provenance={}, size=SIZE) as store:
        store.commit(visit(KEY))
    ZarrStore.create_or_resume(other, identity=again, provenance={}, size=SIZE).close()
    with pytest.raises(StoreError, match=r"size: the store has \[12, 16\], this run \[12, 17\]"):
        ZarrStore.create_or_resume(other, identity=again, provenance={}, size=(12, 17))


def test_settings_that_were_renamed_keep_their_stored_names(tmp_path):
    open_store(tmp_path, propagated_prompts=None).close()
    stored = json.loads((tmp_path / "zarr.json").read_text())["attributes"]["identity"]["settings"]
    assert "carried_prompts" in stored
    assert "propagated_prompts" not in stored
    with open_store(tmp_path, propagated_prompts=None) as store:
        assert "propagated_prompts" in store.root.identity["settings"]
        store.commit(visit(KEY))
    with pytest.raises(StoreError, match=r"settings\.propagated_prompts: the store has null, this run true"):
        open_store(tmp_path, propagated_prompts=True)


@pytest.mark.parametrize("finished", [False, True])
def test_overwrite_starts_from_nothing(path, finished):
    if finished:
        with open_store(path) as store:
            publish(store, [visit(KEY)], final=True)
    (path / "notes.txt").write_text("mine")
    with open_store(path, overwrite=True, step=10) as store:
        assert store.committed() == frozenset()
        assert not store.final
        assert store.root.result is None
        store.commit(visit(KEY))
    assert progress(path).identity["settings"]["step"] == 10
    assert (path / "notes.txt").read_text() == "mine"
    assert sorted(os.listdir(path)) == ["notes.txt", "parts", "results", "zarr.json"]
    assert os.listdir(path / "results") == ["zarr.json"]


def test_what_a_killed_process_left_is_cleaned_up(path):
    for folder in (path, path / "parts", path / "results"):
        (folder / ".overseg-tmp-0123").write_bytes(b"half")
        (folder / ".overseg-tmp-4567").mkdir()
        (folder / ".overseg-tmp-4567" / "zarr.json").write_bytes(b"half")
    (path / "results" / "7").mkdir()
    with open_store(path) as store:
        assert store.committed() == {KEY}
    left = [p.name for p in path.rglob("*")]
    assert not [name for name in left if name.startswith(".overseg") or name == "7"]


def test_a_store_whose_creation_was_killed_can_be_created_again(tmp_path):
    (tmp_path / ".overseg-lock").touch()
    (tmp_path / ".overseg-tmp-0123").touch()
    open_store(tmp_path).close()
    assert sorted(os.listdir(tmp_path)) == ["parts", "results", "zarr.json"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["holiday.jpg", "zarr.json"])
def test_foreign_files_are_never_touched(tmp_path, name, overwrite):
    (tmp_path / name).write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    with pytest.raises(StoreError, match=f"found {name}; it is not changed"):
        open_store(tmp_path, overwrite=overwrite)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_never_touched(tmp_path, overwrite):
    (tmp_path / "film.mp4").write_bytes(b"film")
    with pytest.raises(StoreError, match=r"found a file"):
        open_store(tmp_path / "film.mp4", overwrite=overwrite)
    with pytest.raises(StoreError, match=r"Not a directory"):
        open_store(tmp_path / "film.mp4" / "out.zarr", overwrite=overwrite)
    assert (tmp_path / "film.mp4").read_bytes() == b"film"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=r"Permission denied; give write permission"):
        open_store(tmp_path / "out.zarr")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(("version", "advice"), [(1, "delete it and run again"), (6, "update overseg")])
def test_another_format_is_refused(path, overwrite, version, advice):
    metadata = json.loads((path / "zarr.json").read_text())
    metadata["attributes"]["format_version"] = version
    (path / "zarr.json").write_text(json.dumps(metadata))
    for opened in (lambda: open_store(path, overwrite=overwrite), lambda: open_result(path), lambda: progress(path)):
        with pytest.raises(StoreError, match=f"format version {version} and this overseg reads 5; {advice}, or"):
            opened()
    assert len(list((path / "parts").iterdir())) == 1


def test_reading_what_has_no_result(tmp_path, path):
    with pytest.raises(StoreError, match="1 visits committed, no result yet; run the same command again to finish"):
        open_result(path)
    assert (progress(path).n_visits, progress(path).has_result, progress(path).final) == (1, False, False)
    with pytest.raises(StoreError, match="found nothing; check the path"):
        open_result(tmp_path / "missing.zarr")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="found something else; check the path"):
        progress(tmp_path / "folder")


def test_a_damaged_result_is_named(path):
    with open_store(path) as store:
        publish(store, [visit(KEY)])
    (path / "results/1/masks/region/zarr.json").write_text("{")
    with pytest.raises(StoreError, match=r"masks/region/zarr\.json is damaged \(it has 1 bytes of"):
        open_result(path)


def test_reading_needs_no_lock_and_leaves_nothing(path):
    with open_store(path) as store:
        result = publish(store, [visit(KEY)], final=False)
        before = content(path)
        assert len(result.masks_at(5)) > 0
        assert progress(path).has_result
        assert content(path) == before


def hold(path: Path, connection: Connection) -> None:
    """Open the store, report that, and wait to be killed."""
    store = open_store(path)
    connection.send(len(store.committed()))
    connection.recv()


def test_one_writer_at_a_time_until_it_is_killed(path):
    here, there = multiprocessing.Pipe()
    other = multiprocessing.get_context("spawn").Process(target=hold, args=(path, there))
    other.start()
    there.close()  # so that recv ends should the process fail
    assert here.recv() == 1
    for overwrite in (False, True):
        with pytest.raises(StoreError, match="another process is writing the store"):
            open_store(path, overwrite=overwrite)
    other.kill()
    other.join()
    with open_store(path) as store:
        assert same(store.read(KEY), visit(KEY))


def test_no_message_if_the_file_system_has_no_locks(path, monkeypatch):
    def no_locks(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with open_store(path) as store:
        assert store.committed() == {KEY}


def test_a_refused_open_releases_the_lock(path):
    for _ in range(2):
        with pytest.raises(StoreError, match=r"settings\.step"):
            open_store(path, step=10)
    open_store(path).close()


def test_unpublished_drafts_are_gone_when_the_store_closes(path):
    with open_store(path) as store:
        store.compact({})
        store.compact({})
    assert os.listdir(path / "results") == ["zarr.json"]


def test_visits_of_the_sample_run_are_in_their_clips():
    assert all(v.key.start <= v.masks.frame.min() <= v.masks.frame.max() <= v.key.stop for v in visits())

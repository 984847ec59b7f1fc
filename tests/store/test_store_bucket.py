"""A store in a bucket behaves like one on a disk: atomic when killed, one writer at a time, errors in one line."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from killing import OF_A_BUCKET, Killing
from local_s3 import KEY, SECRET, LocalS3, local_s3
from store.store_samples import open_store, publish, same, visits
from store.test_store_killed import N_FRAMES, run

from overseg.errors import StoreError
from overseg.maintenance.check import find_damage
from overseg.store import bucket, bucket_lock
from overseg.store.bucket_lock import BucketLock
from overseg.store.lock import LOCK_NAME
from overseg.store.places import folder_at
from overseg.store.progress import progress
from overseg.store.result import open_result
from overseg.store.root import RESULTS, read_attributes, read_root


@pytest.fixture(scope="module")
def s3() -> Iterator[LocalS3]:
    with local_s3() as there:
        yield there


@pytest.fixture
def url(s3, request) -> str:
    return s3.url(f"{request.node.name}.zarr")


def run_there(url: str, variables: dict[str, str]) -> None:
    os.environ.update(variables)
    run(url)


def lock_of(s3: LocalS3, url: str, **holder: object) -> None:
    s3.write(url, LOCK_NAME, json.dumps({"host": "elsewhere", "pid": 1, "token": "other"} | holder).encode())


def test_a_bucket_has_the_same_files_as_a_folder(s3, url, tmp_path):
    found = visits(N_FRAMES)
    for place in (url, tmp_path / "out.zarr"):
        with open_store(place, n_frames=N_FRAMES) as store:
            for v in found:
                store.commit(v)
            assert all(same(store.read(v.key), v) for v in found)
            publish(store, found[:3], final=False)
        with open_store(place, n_frames=N_FRAMES) as store:
            assert store.committed() == {v.key for v in found}
            assert progress(place).n_visits == len(found)
            publish(store, found, final=True)
        assert find_damage(folder_at(place)) == []
    there, here = open_result(url), open_result(tmp_path / "out.zarr")
    assert there.content_hash() == here.content_hash()
    assert (there.path, there.summary) == (url, here.summary)
    files = [path.relative_to(here.path).as_posix() for path in here.path.rglob("*") if path.is_file()]
    assert s3.names(url) == sorted(files)


def files_of_result(place: str | Path) -> dict[str, list[object]]:
    """Size and sha256 of each file of the current result; those in the bucket have these sizes."""
    store = folder_at(place)
    result = store / RESULTS / str(read_root(store).result)
    files = read_attributes(result)["files"]
    assert {name: files[name][0] for name in files} | {"zarr.json": result.sizes()["zarr.json"]} == result.sizes()
    return files


def test_a_visit_is_fetched_once_at_most(s3, url, monkeypatch):
    get, fetched = obstore.get, list[str]()

    def counted(store: object, path: str, **options: object) -> object:
        fetched.extend([path] if "parts/" in path else [])
        return get(store, path, **options)

    monkeypatch.setattr(obstore, "get", counted)
    with open_store(url, n_frames=N_FRAMES) as store:
        for v in visits(N_FRAMES):
            store.commit(v)
        publish(store, visits(N_FRAMES), final=False)
    assert fetched == []
    with open_store(url, n_frames=N_FRAMES) as store:
        store.seconds()
        store.discard([visits(N_FRAMES)[0].key])
        store.commit(visits(N_FRAMES)[0])
        publish(store, visits(N_FRAMES), final=True)
    assert len(fetched) == len(set(fetched)) == len(visits(N_FRAMES))


def test_killed_at_any_request_the_result_is_the_same(s3, tmp_path, monkeypatch):
    killing = Killing.of(OF_A_BUCKET)
    run(tmp_path / "whole.zarr")
    wanted = {True: files_of_result(tmp_path / "whole.zarr")}
    with open_store(tmp_path / "part.zarr", n_frames=N_FRAMES) as store:
        for v in visits(N_FRAMES)[:3]:
            store.commit(v)
        publish(store, visits(N_FRAMES)[:3], final=False)
    wanted[False] = files_of_result(tmp_path / "part.zarr")
    steps = killing.steps(run_there, s3.url("steps.zarr"), s3.variables, at_most=6)
    assert len(steps) == 6
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    variables = s3.variables | {"TMPDIR": tempfile.gettempdir()}
    for step in steps:
        url = s3.url(f"{step}.zarr")
        killing.kill(run_there, url, variables, before=step)
        if "zarr.json" in s3.names(url):
            found = progress(url)
            if found.has_result:
                assert files_of_result(url) == wanted[found.final]
        with open_store(url, n_frames=N_FRAMES) as store:
            assert all(same(store.read(v.key), v) for v in visits(N_FRAMES) if v.key in store.committed())
        run(url)
        assert files_of_result(url) == wanted[True]
        assert s3.names(url) == s3.names(s3.url("steps.zarr"))
        assert os.listdir(tmp_path / "temporary") == []
    assert open_result(url).content_hash() == open_result(tmp_path / "whole.zarr").content_hash()


def test_damaged_and_missing_objects_are_found(s3, url):
    run(url)
    wanted = open_result(url).content_hash()
    for name in s3.names(url)[::25]:
        content = s3.read(url, name)
        for damaged in (bytes([content[0] ^ 4]) + content[1:], None):
            s3.remove(url, name) if damaged is None else s3.write(url, name, damaged)
            try:
                lines = [str(one) for one in find_damage(folder_at(url))]
            except StoreError as e:
                lines = [str(e)]
            assert name == "results/zarr.json" or any(f"{url}/{name}" in line or "nothing;" in line for line in lines)
            try:
                assert open_result(url).content_hash() == wanted
            except StoreError as e:
                assert "\n" not in str(e)
        s3.write(url, name, content)


def test_reading_a_result_that_was_replaced_is_refused(s3, url):
    with open_store(url, n_frames=N_FRAMES) as store:
        for v in visits(N_FRAMES):
            store.commit(v)
        earlier = publish(store, visits(N_FRAMES), final=False)
        publish(store, visits(N_FRAMES), final=True)
    with pytest.raises(StoreError, match=r"cannot be read \(it was replaced by a newer one\)"):
        earlier.masks_at(3)


def test_another_writer_is_refused_at_once(s3, url):
    with open_store(url):
        with pytest.raises(StoreError, match=f"another process is writing the store {url} .{os.getpid()} on "):
            open_store(url)
        assert not any(name.startswith(".overseg-tmp") for name in s3.names(url))
    open_store(url).close()
    assert LOCK_NAME not in s3.names(url)


def test_an_expired_lock_is_taken_over(s3, url, monkeypatch):
    lock_of(s3, url)
    with pytest.raises(StoreError, match=r"\(1 on elsewhere\), or was killed there within 60 s; wait"):
        open_store(url)
    for content in (b"{", b"[]"):
        s3.write(url, LOCK_NAME, content)
        with pytest.raises(StoreError, match="another process is writing"):
            open_store(url)
    monkeypatch.setattr(bucket_lock, "LEASE_S", -1.0)
    open_store(url).close()


def test_a_process_that_lost_its_lock_writes_nothing_more(s3, url, monkeypatch):
    monkeypatch.setattr(bucket_lock, "_RENEWED_EVERY_S", -1.0)  # asks the service before every request
    monkeypatch.setattr(BucketLock, "_keep_renewing", lambda lock: None)
    store, found = open_store(url), visits()
    store.commit(found[0])
    lock_of(s3, url)
    for write in (lambda: store.commit(found[1]), lambda: store.keep_shots([]), lambda: publish(store, found[:1])):
        with pytest.raises(StoreError, match="another process took over the store"):
            write()
    store.close()
    assert json.loads(s3.read(url, LOCK_NAME))["host"] == "elsewhere"
    assert progress(url).n_visits == 1


def test_without_conditional_writes_there_is_no_lock(s3, url, monkeypatch):
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    with open_store(url), open_store(url) as second:
        second.commit(visits()[0])
    assert progress(url).n_visits == 1


def test_foreign_objects_are_never_touched(s3, url):
    s3.write(url, "holiday.jpg", b"sun")
    with pytest.raises(StoreError, match=f"an empty folder or nothing at {url}, found holiday.jpg"):
        open_store(url, overwrite=True)
    assert s3.names(url) == ["holiday.jpg"]


def test_invalid_addresses_and_failing_services(s3, monkeypatch):
    with pytest.raises(StoreError, match="found nothing; check the path"):
        open_result(s3.url("none.zarr"))
    with pytest.raises(StoreError, match=r"such as s3://BUCKET/NAME\.zarr, got s3://clips"):
        open_result("s3://clips")
    with pytest.raises(StoreError, match=r"or at s3://BUCKET/NAME, got an address of gs://"):
        open_result("gs://clips/out.zarr")
    with pytest.raises(
        StoreError, match="cannot write the store s3://nobody/out.zarr: The specified bucket does not exist"
    ):
        open_store("s3://nobody/out.zarr")
    with pytest.raises(StoreError, match="holds no credentials") as refused:
        open_store(f"s3://{KEY}:{SECRET}@clips/out.zarr")
    assert SECRET not in str(refused.value)
    monkeypatch.setattr(bucket, "_RETRIES", timedelta(0))
    with (
        monkeypatch.context() as patch,
        pytest.raises(StoreError, match=r"out.zarr: there are no credentials: set AWS_"),
    ):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name)
        patch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
        open_result(s3.url("out.zarr"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with monkeypatch.context() as patch, pytest.raises(StoreError, match="without TLS: set AWS_ALLOW_HTTP=true"):
        patch.delenv("AWS_ALLOW_HTTP")
        open_result(s3.url("out.zarr"))
    with pytest.raises(StoreError, match="cannot read the store .*check address and permissions") as refused:
        open_result(s3.url("out.zarr"))
    assert SECRET not in str(refused.value) and "\n" not in str(refused.value)


def test_without_the_extra_the_error_says_what_to_install(s3, monkeypatch):
    monkeypatch.delitem(sys.modules, "overseg.store.bucket")
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(StoreError, match=r"out.zarr needs the package obstore: pip install 'overseg\[s3\]'"):
        open_result(s3.url("out.zarr"))

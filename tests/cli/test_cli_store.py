"""Where the store goes: places that cannot be written, stores of others, and the same command again."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from cli.cli_samples import NO_WEIGHTS, SIZE, write_folder
from PIL import Image

from overseg.cli.main import main
from overseg.store.lock import StoreLock


@pytest.fixture
def store(folder, images, run):
    """A finished store."""
    assert run(images, "out.zarr") == 0
    return folder / "out.zarr"


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("out", "line"),
    [
        ("file", "expected a store, an empty folder or nothing at file, found a file; it is not changed"),
        ("file/out.zarr", "cannot write the store file/out.zarr: Not a directory"),
        ("foreign", "expected a store, an empty folder or nothing at foreign, found notes.txt; it is not changed"),
        ("/proc/out.zarr", "cannot write the store /proc/out.zarr"),
        ("a" * 300, "File name too long"),
        (".", "expected a store, an empty folder or nothing at ., found"),
    ],
)
def test_a_place_that_cannot_be_used(out, line, folder, images, refused):
    (folder / "file").write_text("mine")
    (folder / "foreign").mkdir()
    (folder / "foreign" / "notes.txt").write_text("mine")
    before = content(folder)
    assert line in refused("run", images, out, *NO_WEIGHTS)
    assert line in refused("run", images, out, *NO_WEIGHTS, "--overwrite")
    assert content(folder) == before


def test_twice(store, images, capsys):
    before = content(store)
    capsys.readouterr()
    assert main(["run", images, "out.zarr", "--preset", "no-weights"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[-1] == "out.zarr is complete already: nothing to do"
    assert out.startswith("out.zarr: 3 frames")
    after = content(store)
    assert {path: after[path] for path in before if path.name != "zarr.json"} == {
        path: before[path] for path in before if path.name != "zarr.json"
    }


def test_other_settings(store, images, refused, run, facts):
    before = content(store)
    line = refused("run", images, store, *NO_WEIGHTS, "--step", "2", "--match-iou", "0.5")
    assert 'settings.step: the store has "auto", this run 2' in line
    assert "settings.match_iou: the store has 0.6, this run 0.5" in line
    assert line.endswith("use --overwrite to replace it, or another path")
    assert content(store) == before
    assert run(images, store, "--step", "2", "--overwrite") == 0
    assert facts(store)["settings"]["step"] == 2


def test_another_video(store, folder, refused):
    write_folder(folder / "other", 2)
    line = refused("run", "other", store, *NO_WEIGHTS)
    assert "video.sha256: the store has" in line and "video.n_frames: the store has 3, this run 2" in line


def test_a_moved_video_is_the_same(store, folder, images, run, capsys):
    (folder / images).rename(folder / "moved")
    assert main(["render", "out.zarr", "out.png", "--frame", "0"]) == 1
    assert "which is missing: give its present path with --video" in capsys.readouterr().err
    assert main(["render", "out.zarr", "out.png", "--frame", "0", "--video", "moved"]) == 0
    assert run("moved", "out.zarr") == 0


def test_a_newer_format(store, images, refused):
    root = json.loads((store / "zarr.json").read_text())
    root["attributes"]["format_version"] = 99
    (store / "zarr.json").write_text(json.dumps(root))
    before = content(store)
    for words in (("run", images, store), ("run", images, store, "--overwrite"), ("info", store)):
        line = refused(*words, *(NO_WEIGHTS if words[0] == "run" else ()))
        assert "has format version 99 and this overseg reads 5; update overseg, or choose another path" in line
    assert content(store) == before


def test_another_process(store, images, refused):
    lock = StoreLock(store)
    line = refused("run", images, store, *NO_WEIGHTS)
    assert line == "another process is writing the store out.zarr; wait until it ends, or choose another path".replace(
        "out.zarr", str(store)
    )
    lock.release()


def test_info_of_what_is_no_store(folder, images, refused):
    assert "found nothing; check the path" in refused("info", "none.zarr")
    assert "found something else; check the path" in refused("info", images)
    assert "found something else; check the path" in refused("info", f"{images}/1.png")


def test_info_before_there_is_a_result(images, folder, refused, run, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("overseg.engine.sweep.run.publish_run", interrupt)
        assert run(images, "out.zarr") == 130
    line = refused("info", "out.zarr")
    assert line == "out.zarr: 3 visits committed, no result yet; run the same command again to finish"
    assert refused("render", "out.zarr", "out.mp4") == line
    assert run(images, "out.zarr") == 0


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_a_damaged_result(store, refused):
    shutil.rmtree(store / "results")
    assert "open the store again; if that does not help, see `overseg repair`" in refused("info", store)


def test_a_full_disk_behind_the_output(store):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "overseg", "info", store], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr.startswith("overseg: the system failed: [Errno 28] No space left on device")
    assert done.stderr.count("\n") == 1


ON_A_TINY_DISK = """
mount -t tmpfs -o size=300k none disk && cd disk
overseg() { "$0" -m overseg "$@"; }
run() { overseg run "$1" out.zarr --preset no-weights --end 20 --step 4 --quiet; }
run "$1"; echo "rc $?" >&2
mount -o remount,size=20m . && run "$1" && overseg info out.zarr --hash --json
"""


def test_a_disk_that_fills_in_mid_run(folder, carphone, run, facts):
    mount = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    (folder / "disk").mkdir()
    tried = [*mount, "mount -t tmpfs -o size=4k none disk"]
    if not shutil.which("unshare") or subprocess.run(tried, capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a tiny disk")
    done = subprocess.run([*mount, ON_A_TINY_DISK, sys.executable, carphone], capture_output=True, text=True)
    line, code = done.stderr.splitlines()
    assert line.startswith("overseg: cannot write the store out.zarr: No space left on device; all that was committed")
    assert code == "rc 1"
    assert run(carphone, "never_full.zarr", "--end", "20", "--step", "4") == 0
    assert json.loads(done.stdout)["sha256"] == facts("never_full.zarr")["sha256"]


def test_masks_given_on_disk_are_known_by_their_content(images, folder, facts, refused):
    (folder / "given").mkdir()
    id_map = np.zeros(SIZE, np.uint8)
    id_map[:20] = 1
    Image.fromarray(id_map).save(folder / "given" / "00000.png")
    command = ["run", images, "out.zarr", "--generator", "precomputed", "--masks", "given", "--propagator", "flow"]
    assert main([*command, "--quiet"]) == 0
    assert facts("out.zarr")["tracks"] == 1
    id_map[30:] = 2
    Image.fromarray(id_map).save(folder / "given" / "00000.png")
    assert "weights.masks: the store has" in refused(*command, "--quiet")
    assert main([*command, "--quiet", "--overwrite"]) == 0
    assert facts("out.zarr")["tracks"] == 2

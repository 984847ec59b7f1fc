"""Places with no room or no permission, and two processes on one store: one line, nothing lost, and it goes on."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.cli_samples import NO_WEIGHTS
from cli.conftest import one_line

from overseg.cli.main import main

OVERSEG = (sys.executable, "-m", "overseg")
LARGEST_FILE_BYTES = 6000  # a part or a chunk of the run below is larger, its root is not


@pytest.fixture
def command(carphone) -> list[str]:
    return [*OVERSEG, "run", str(carphone), "out.zarr", *NO_WEIGHTS, "--end", "9", "--step", "4"]


def limited(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command that cannot write large files, as on a disk that is full; no privilege is needed for this."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES, LARGEST_FILE_BYTES))

    without_bytecode = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}  # Python would keep what it could write of it
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=limit, env=without_bytecode)


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".overseg-*")]


def test_no_room(command, folder, facts, refused):
    done = limited(command)
    assert done.returncode == 1
    line = one_line(done.stderr)
    assert line.startswith("cannot write the store out.zarr: File too large; all that was committed is kept; make room")
    assert left_over(folder) == []
    assert main(command[3:]) == 0
    wanted = facts("out.zarr")["sha256"]
    for words, name in (
        (("export", "out.zarr", "out.json", "--format", "coco"), "out.json"),
        (("export", "out.zarr", "davis", "--format", "npz"), "davis"),
        (("relink", "out.zarr", "--match-iou", "0.9"), "out.zarr"),
    ):
        done = limited([*OVERSEG, *words, "--quiet"])
        assert done.returncode == 1
        assert f"{name}: File too large" in one_line(done.stderr)
        assert left_over(folder) == []
        assert facts("out.zarr")["sha256"] == wanted
        if name != "out.zarr":
            assert not (folder / name).exists()
            assert main([*words, "--quiet"]) == 0
    done = limited([*OVERSEG, "import", "out.json", "again.zarr", "--format", "coco", "--quiet"])
    assert done.returncode == 1 and "File too large" in one_line(done.stderr)
    assert sorted(path.name for path in folder.iterdir()) == ["davis", "out.json", "out.zarr"]


@pytest.mark.parametrize("words", [("export", "out.zarr", "{}/out", "--format", "davis"), ("relink", "{}/out.zarr")])
def test_no_permission(words, command, folder, refused):
    assert main(command[3:]) == 0
    place = folder / "locked"
    if os.geteuid() == 0:  # whom permissions do not stop
        place = Path("/proc")
        if words[0] == "relink":
            pytest.skip("root may write everywhere but where no store can be")
    else:
        place.mkdir()
        (folder / "out.zarr").rename(place / "out.zarr") if words[0] == "relink" else None
        for path in (place, *place.rglob("*")):
            path.chmod(0o500 if path.is_dir() else 0o400)
    line = refused(*(word.format(place) for word in words), "--quiet")
    assert line.startswith(f"cannot write {place}/out") or line.startswith(f"cannot write the store {place}/out.zarr")


def test_the_second_process_is_told_at_once(command, folder, facts):
    """While the first one stands still in the middle of its work."""
    with subprocess.Popen([*command, "--log-json", "/dev/stdout"], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        while json.loads(first.stdout.readline())["event"] != "visit":
            pass
        first.send_signal(signal.SIGSTOP)
        second = subprocess.run(command, capture_output=True, text=True)
        assert second.returncode == 1
        assert one_line(second.stderr).startswith("another process is writing the store out.zarr; wait until it")
        third = subprocess.run([*OVERSEG, "repair", "out.zarr", "--quiet"], capture_output=True, text=True)
        assert (third.returncode, third.stderr) == (0, "")
        first.send_signal(signal.SIGCONT)
        first.communicate()
    assert first.returncode == 0
    assert facts("out.zarr")["stop_reason"] == "complete"

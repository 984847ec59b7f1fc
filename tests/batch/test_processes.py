"""A batch by processes: interrupted, with workers killed, and in shards, it ends with the results of single runs."""

import json
import os
import shlex
import signal
import subprocess
import sys

import pytest
from batch.conftest import DAMAGED, LONG, N_FRAMES, SETTINGS, Silent, hashes_in

import overseg
from overseg.cli.main import main
from overseg.data.shot import Shot
from overseg.engine.sweep.schedule import full_round

WORDS = ("--preset", "no-weights", "--step", "2", "--stretch", "3", "--devices", "cpu")


class Killing(Silent):
    """Kills the workers that made the 2nd visit, the 6th, and the 4th of the video that both share."""

    def __init__(self) -> None:
        super().__init__()
        self.n_visits, self.n_shared, self.n_killed = 0, 0, 0

    def event(self, name, **facts) -> None:
        if name != "visit":
            return
        self.n_visits += 1
        self.n_shared += facts["video"] == LONG
        if self.n_visits in (2, 6) or (facts["video"] == LONG and self.n_shared == 4):
            os.kill(facts["pid"], signal.SIGKILL)
            self.n_killed += 1


@pytest.fixture(scope="module")
def interrupted(clips, tmp_path_factory):
    """A folder whose batch was interrupted after two visits; and what the command said."""
    folder = tmp_path_factory.mktemp("batch")
    os.mkfifo(folder / "log")
    words = [sys.executable, "-m", "overseg", "batch", clips, "--out", folder / "out", *WORDS, "--log-json", "log"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with (folder / "log").open() as log:
            n_visits = 0
            while n_visits < 2:
                n_visits += json.loads(log.readline())["event"] == "visit"
            workers = subprocess.run(
                ["pgrep", "-P", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True
            ).stdout.split()
            process.send_signal(signal.SIGINT)
            log.read()
        out, err = process.communicate()
    return folder / "out", (process.returncode, out, err), workers


def test_ctrl_c_stops_all_and_loses_nothing(interrupted):
    out, (code, said, error), workers = interrupted
    assert (code, said) == (130, "")
    assert error.splitlines()[-1] == (
        "overseg: interrupted; what was committed is kept: the same command continues from there"
    )
    assert workers and not any(os.path.exists(f"/proc/{pid}") for pid in workers)
    assert len(list((out / "a.zarr" / "parts").glob("[0-9]*"))) >= 2


@pytest.fixture(scope="module")
def finished(interrupted, clips):
    """The same folder after a batch with two workers, of which three were killed."""
    out, _, _ = interrupted
    report = Killing()
    changes = {name: value for name, value in SETTINGS.items() if name != "device"}
    outcomes = overseg.run_many([clips], out, workers=2, devices=["cpu"], report=report, **changes)
    assert report.n_killed == 3
    assert report.n_shared >= len(full_round([Shot(0, 12), Shot(13, 25)], 2, stretch=3)), "in parts"
    return out, outcomes


def test_every_result_is_that_of_a_single_run(finished, single_hashes):
    out, outcomes = finished
    assert hashes_in(out) == single_hashes
    assert overseg.open(f"{out}/{LONG}.zarr").summary["n_shots"] == 2
    assert {one.name: one.state for one in outcomes} == dict.fromkeys(N_FRAMES, "done") | dict.fromkeys(
        DAMAGED, "failed"
    )


def test_failures_say_what_where_and_how_to_retry(finished, clips, capsys):
    out, _ = finished
    failures = {one["name"]: one for one in map(json.loads, (out / "failures.jsonl").read_text().splitlines())}
    assert set(failures) == set(DAMAGED)
    cut = failures["cut"]
    assert cut["input"] == str(clips / "cut.mp4") and "cut.mp4" in cut["error"] and cut["kind"] == "InputError"
    assert cut["where"].endswith(" cpu") and "traceback" not in cut
    retry = shlex.split(cut["retry"])
    assert retry[:3] == ["overseg", "run", cut["input"]]
    capsys.readouterr()
    assert main([*retry[1:], "--quiet"]) == 1
    assert cut["error"] in capsys.readouterr().err, "the command fails in the same way"


def test_status_says_what_became_of_each(finished, capsys):
    out, _ = finished
    capsys.readouterr()
    assert main(["batch", "status", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in ("videos", "done", "failed", "running", "begun", "waiting")} == {
        "videos": 6,
        "done": 4,
        "failed": 2,
        "running": 0,
        "begun": 0,
        "waiting": 0,
    }
    assert next(one for one in found["each"] if one["name"] == "b")["frames"] == N_FRAMES["b"]
    assert main(["batch", "status", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["name", "state", "frames"] and lines[-1] == "6 videos, 4 done, 2 failed"


def test_one_data_set_of_the_folder(finished, tmp_path, capsys):
    out, _ = finished
    capsys.readouterr()
    assert main(["export", str(out), str(tmp_path / "a"), "--format", "coco", "--val", "0.2", "--min-length", "5"]) == 0
    assert f"2 of 6 videos of {out} are not done, and left out" in capsys.readouterr().err
    contents = [json.loads((tmp_path / "a" / f"annotations_{split}.json").read_text()) for split in ("train", "val")]
    assert [video["name"] for video in contents[0]["videos"]] == list(N_FRAMES)
    n_val = [round(0.2 * n) for n in N_FRAMES.values()]
    assert [len(content["images"]) for content in contents] == [sum(N_FRAMES.values()) - sum(n_val), sum(n_val)]


def test_a_shard_has_its_own_failures_and_skips_what_is_done(finished, clips, capsys):
    """Of the damaged videos, only `cut` is in shard 1/3."""
    out, _ = finished
    parts = {path: path.stat().st_mtime_ns for path in out.glob("*.zarr/zarr.json")}
    assert main(["batch", str(clips), "--out", str(out), *WORDS, "--shard", "1/3", "--quiet"]) == 1
    assert capsys.readouterr() == ("", "")
    own = [json.loads(line)["name"] for line in (out / "failures.1-of-3.jsonl").read_text().splitlines()]
    assert own == ["cut"]
    assert {path: path.stat().st_mtime_ns for path in parts} == parts, "no store was written again"


def test_settings_that_cannot_work_are_refused_before_anything_is_made(clips, tmp_path, capsys):
    words = ["batch", str(clips), "--out", str(tmp_path / "out"), "--devices", "cpu,tpu", *WORDS[:4]]
    assert main(words) == 2
    assert "--device is auto, cpu, cuda, cuda:N or mps, not 'tpu'" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.zarr"))

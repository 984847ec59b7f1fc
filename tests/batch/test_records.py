"""What a batch keeps beside its stores, and what it refuses before anything is made."""

import json

import pytest
from batch.crews import ScriptedCrew, done, failed
from cli.conftest import one_line
from toy_runs import SilentReport

from overseg.batch.crew import Refused
from overseg.batch.outcome import State
from overseg.batch.records import Records
from overseg.batch.run import run_batch
from overseg.batch.shard import Shard
from overseg.batch.status import status_of
from overseg.batch.tasks import Plan
from overseg.batch.together import COARSE
from overseg.cli.main import main
from overseg.data.budget import Budget
from overseg.errors import InputError, SettingsError, StoreError


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Empty files a.mp4 to d.mp4 in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in "abcd":
        (tmp_path / f"{name}.mp4").write_text("")
    return tmp_path


def run(inputs, work, shard=None):
    return run_batch(inputs, Plan("out"), lambda _: ScriptedCrew(1, work), shard=shard, report=SilentReport())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_failures_of_other_videos_stay_and_those_of_these_are_forgotten(files):
    run(["a.mp4", "b.mp4"], failed)
    assert [one["name"] for one in lines(files / "out/failures.jsonl")] == ["a", "b"]
    run(["b.mp4", "c.mp4"], lambda job: failed(job) if job.name == "c" else done(job))
    assert [one["name"] for one in lines(files / "out/failures.jsonl")] == ["a", "c"]
    assert [one["name"] for one in lines(files / "out/videos.jsonl")] == ["a", "b", "c"]
    found = {one.name: one for one in status_of("out")}
    assert found["a"].state is State.FAILED and found["a"].error == "it is damaged"
    assert found["b"].state is State.WAITING, "no store was made here"


def test_failures_are_a_list_of_videos_to_try_again(files):
    run(["a.mp4", "b.mp4"], failed)
    again = run(["out/failures.jsonl"], done)
    assert [(one.name, one.state) for one in again] == [("a", "done"), ("b", "done")]
    assert lines(files / "out/failures.jsonl") == []


def test_a_path_that_is_not_utf_8_is_kept(files):
    (files / "a\udcff\u2028\n.mp4").write_text("")
    run(["a\udcff\u2028\n.mp4"], failed)
    (failure,) = Records("out").failures().values()
    assert failure["input"] == str(files / "a\udcff\u2028\n.mp4")
    assert run(["out/failures.jsonl"], done)[0].state is State.DONE


def test_shards_list_all_videos_and_do_their_own(files):
    shards = [run(["."], failed, Shard(index, 2)) for index in range(2)]
    assert sorted(one.name for outcomes in shards for one in outcomes) == list("abcd")
    assert [one["name"] for one in lines(files / "out/videos.jsonl")] == list("abcd")
    recorded = [lines(files / f"out/failures.{index}-of-2.jsonl") for index in range(2)]
    assert sorted(one["name"] for some in recorded for one in some) == list("abcd")
    assert {one.state for one in status_of("out")} == {State.FAILED}


def test_a_shard_has_its_share_of_the_work_for_all_videos_and_the_whole_time(files):
    plans: list[Plan] = []

    def crew(plan):
        plans.append(plan)
        return ScriptedCrew(1, done)

    shard = Shard(0, 2)
    total = Budget(max_work=8, max_seconds=60)
    outcomes = run_batch(["."], Plan("out"), crew, shard=shard, total=total, report=SilentReport())
    n = len(outcomes)
    assert 1 < n < 4
    assert plans[-1].budget == Budget(max_work=8 / 4 * COARSE, max_seconds=60 / n * COARSE)


def test_videos_of_a_batch_that_is_refused_are_not_kept(files):
    crew = ScriptedCrew(1, done, starting=lambda _: [Refused("--step takes a number", 2)])
    with pytest.raises(SettingsError):
        run_batch(["."], Plan("out"), lambda _: crew, shard=None, report=SilentReport())
    assert Records("out").tasks() == []


def test_a_shard_without_videos_has_nothing_to_do(files):
    shard = next(one for one in (Shard(index, 50) for index in range(50)) if not any(map(one.has, "abcd")))
    assert run(["."], failed, shard) == []


def test_a_folder_without_a_batch_or_with_a_damaged_record(files):
    with pytest.raises(InputError, match="expected the folder of a batch"):
        status_of("out")
    (files / "out").mkdir()
    (files / "out/videos.jsonl").write_text("{")
    with pytest.raises(StoreError, match=r"cannot read out/videos\.jsonl"):
        Records("out").tasks()


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["a.mp4"], 2, "--out FOLDER says where the stores go"),
        (["nothing.mp4", "--out", "out"], 1, "there is no file or folder nothing.mp4"),
        (["a.mp4", "--out", "out", "--workers", "0"], 2, "--workers is at least 1"),
        (["a.mp4", "--out", "out", "--devices", "cpu,cpu", "--workers", "1"], 2, "--workers is at least 1 and one for"),
        (["a.mp4", "--out", "out", "--shard", "2/2"], 2, "--shard takes i/n"),
        (["a.mp4", "--out", "out", "--on", "dask"], 2, "--on is ray or ray=ADDRESS, not 'dask'"),
        (["a.mp4", "--out", "out", "--on", "ray", "--devices", "cpu"], 2, "--devices is for processes"),
        (["a.mp4", "--out", "out", "--budget", "soon"], 2, "--budget 'soon' cannot be read"),
        (["a.mp4", "--out", "out", "--total-budget", "soon"], 2, "--total-budget 'soon' cannot be read"),
        (["a.mp4", "--out", "out", "--total-budget", "masks=9"], 2, "--total-budget takes a limit of time or work"),
        (["a.mp4", "--out", "out", "--budget", "9s", "--total-budget", "9s"], 2, "give one of the two"),
        (["list.csv", "--out", "out", "--max-missed", "1"], 2, "--max-missed is for every region"),
        (["status"], 2, "status is of one folder"),
        (["status", "out"], 1, "expected the folder of a batch"),
    ],
)
def test_what_cannot_work_is_refused_with_one_line(words, code, line, files, capsys):
    (files / "list.csv").write_text("input,prompts\na.mp4,objects.json\n")
    assert main(["batch", *words, "--quiet"]) == code
    out, err = capsys.readouterr()
    assert out == "" and line in one_line(err)
    assert not (files / "out").exists()

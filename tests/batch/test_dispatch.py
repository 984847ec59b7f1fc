"""Videos are given to workers, dead workers are replaced, and hopeless videos given up."""

from collections import Counter
from itertools import count

import pytest
from batch.crews import FACTS, ScriptedCrew, done, failed
from toy_runs import SilentReport

from overseg.batch.board import Board
from overseg.batch.crew import Advanced, Died, Finished, Happened, Ready, Refused
from overseg.batch.dispatch import dispatch
from overseg.batch.jobs import Step
from overseg.batch.outcome import Outcome, State
from overseg.batch.tasks import Task
from overseg.errors import DeviceError, OversegError, SettingsError

TASKS = [Task(name, f"/{name}.mp4") for name in "abcd"]
BUSY = Finished(Outcome("a", State.RUNNING, error="another process is writing it", kind="StoreBusyError"))


def states(crew, tasks=TASKS, *, may_split=False):
    ended: list[Outcome] = []
    clock = count()
    outcomes = dispatch(
        tasks, crew, Board(SilentReport(), tasks), ended=ended.append, may_split=may_split, clock=lambda: next(clock)
    )
    assert crew.is_stopped
    assert sorted(one.name for one in ended) == sorted(one.name for one in outcomes) == [task.name for task in tasks]
    return {one.name: one.state for one in outcomes}


def in_turn(*answers):
    """A worker's answer to each thing it is given, the last one for all others."""
    left = list(answers)
    return lambda job: (left.pop(0) if len(left) > 1 else left[0])(job)


def test_all_videos_are_shared_out():
    crew = ScriptedCrew(2, done)
    assert set(states(crew).values()) == {State.DONE}
    assert crew.given == [(0, "a"), (1, "b"), (0, "c"), (1, "d")]


def test_no_more_workers_are_started_than_there_are_videos():
    crew = ScriptedCrew(8, done)
    states(crew, TASKS[:3])
    assert crew.n_started == 3


def test_a_failed_video_stops_no_other():
    assert states(ScriptedCrew(1, in_turn(done, failed, done))) == dict(
        zip("abcd", ["done", "failed", "done", "done"], strict=False)
    )


def test_a_dead_worker_is_replaced_and_its_video_continued_first():
    crew = ScriptedCrew(1, in_turn(lambda _: [Died("its process was ended by SIGKILL")], done))
    assert set(states(crew).values()) == {State.DONE}
    assert crew.n_started == 2 and [name for _, name in crew.given] == ["a", "a", "b", "c", "d"]


def test_a_video_that_kills_three_workers_at_one_place_has_failed():
    at_one_place = [Advanced("masks", 4, 9), Died("its process was ended by SIGSEGV")]
    crew = ScriptedCrew(1, lambda job: at_one_place if job.name == "b" else done(job))
    found: list[Outcome] = []
    dispatch(TASKS, crew, Board(SilentReport(), TASKS), ended=found.append)
    assert [one.state for one in found] == ["done", "failed", "done", "done"]
    assert "3 workers in a row" in found[1].error and "SIGSEGV" in found[1].error


def test_a_video_that_gets_further_each_time_is_never_given_up():
    steps = count(1)

    def further(job):
        step = next(steps)
        return [Advanced("masks", step, 99), Died("killed")] if step < 20 else done(job)

    crew = ScriptedCrew(1, further)
    assert states(crew, TASKS[:1]) == {"a": State.DONE}
    assert crew.n_started == 20


def test_workers_that_cannot_start_end_the_batch():
    crew = ScriptedCrew(1, done, starting=lambda _: [Died("its process ended with code 1")])
    with pytest.raises(DeviceError, match="before they begin"):
        states(crew)
    assert crew.is_stopped and crew.given == []


@pytest.mark.parametrize(("code", "kind"), [(2, SettingsError), (1, OversegError)])
def test_settings_are_refused_before_the_first_video(code, kind):
    crew = ScriptedCrew(2, done, starting=lambda n: [Ready()] if n == 0 else [Refused("--step takes a number", code)])
    with pytest.raises(kind, match="--step takes"):
        states(crew)
    assert crew.is_stopped and crew.given == []


def test_a_video_that_another_process_works_on_is_left_to_it():
    assert states(ScriptedCrew(1, in_turn(lambda _: [BUSY], done))) == dict(
        zip("abcd", ["running"] + ["done"] * 3, strict=False)
    )


def test_the_lock_of_a_lost_worker_is_waited_for():
    """A lock in a bucket outlives its holder; meanwhile the others are worked on."""
    crew = ScriptedCrew(1, in_turn(lambda _: [Died("lost")], lambda _: [BUSY], done))
    assert set(states(crew).values()) == {State.DONE}
    assert [name for _, name in crew.given][:3] == ["a", "a", "b"] and ("a" in [name for _, name in crew.given[3:]])


def test_a_lock_that_stays_is_not_waited_for_for_ever():
    crew = ScriptedCrew(1, in_turn(lambda _: [Died("lost")], lambda job: [BUSY] if job.name == "a" else done(job)))
    assert states(crew)["a"] == State.RUNNING


def test_the_last_videos_are_shared_among_all_workers():
    """With three workers and four videos, the first two are one job each."""
    crew = ScriptedCrew(3, done)
    assert set(states(crew, may_split=True).values()) == {State.DONE}
    given = [name for _, name in crew.given]
    assert given.count("a") == given.count("b") == 1
    assert {f"{name} part {part}" for name in "cd" for part in range(3)} <= set(given)
    assert given.count("c") == given.count("d") == 2
    assert crew.steps.count(Step.CONCLUDE) == 2 and crew.steps[-1] is Step.CONCLUDE


def test_a_part_that_fails_ends_its_video_alone():
    crew = ScriptedCrew(2, lambda job: failed(job) if job.name == "d part 1" else done(job))
    assert states(crew, may_split=True) == {"a": "done", "b": "done", "c": "done", "d": "failed"}
    assert "d" not in [name for _, name in crew.given[-1:]]


def test_a_worker_that_dies_on_a_part_is_replaced_and_nothing_else_is_done_again():
    left = ["c part 1", "d part 2"]

    def work(job):
        if job.name in left:
            left.remove(job.name)
            return [Died("killed")]
        return done(job)

    crew = ScriptedCrew(3, work)
    assert set(states(crew, may_split=True).values()) == {State.DONE}
    assert crew.n_started == 5
    again = Counter(name for _, name in crew.given)
    assert again["c part 1"] == again["d part 2"] == 2 and again["c part 0"] == again["d part 0"] == 1


class Progress(SilentReport):
    def __init__(self) -> None:
        super().__init__()
        self.percent: list[int] = []
        self.facts: list[dict] = []

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        assert total == 100
        self.percent.append(done)

    def event(self, name: str, **facts) -> None:
        self.facts.append({"event": name, **facts})


def test_progress_rises_to_the_end_and_events_name_their_video():
    def work(job):
        return [
            Advanced("masks", 1, 2),
            Happened("visit", {"masks": 3}),
            Happened("remark", {"line": "x"}),
            *done(job),
        ]

    report = Progress()
    board = Board(report, TASKS)
    board.begin()
    dispatch(TASKS, ScriptedCrew(2, work), board, ended=lambda _: None)
    assert report.percent == sorted(report.percent) and report.percent[0] == 0 and report.percent[-1] == 100
    assert report.percent.count(100) == 1
    visits = [one for one in report.facts if one["event"] == "visit"]
    assert {one["video"] for one in visits} == set("abcd") and visits[0]["masks"] == 3
    assert next(one for one in report.facts if one["event"] == "video")["tracks"] == FACTS["tracks"]
    assert sum(one["event"] == "remark" for one in report.facts) == 4, "a line for each video, and none of its own"

"""Videos are given to workers, dead workers are replaced, and hopeless videos given up."""

from collections import Counter
from itertools import count

import pytest
from batch.crews import FACTS, AllAtWork, ScriptedCrew, done, failed
from toy_runs import SilentReport

from overseg.batch.board import Board
from overseg.batch.crew import Advanced, Died, Entered, Finished, Happened, Ready, Refused
from overseg.batch.dispatch import dispatch
from overseg.batch.jobs import Job, Phase, Step
from overseg.batch.outcome import Outcome, State
from overseg.batch.tasks import Task
from overseg.errors import DeviceError, OversegError, SettingsError

TASKS = [Task(name, f"/{name}.mp4") for name in "abcd"]
BUSY = Finished(Outcome("a", State.RUNNING, error="another process is writing it", kind="StoreBusyError"))


def states(crew, tasks=TASKS, **how):
    ended: list[Outcome] = []
    clock = count()
    outcomes = dispatch(tasks, crew, Board(SilentReport(), tasks), ended=ended.append, clock=lambda: next(clock), **how)
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
    assert crew.n_started == 2 and [name for _, name in crew.given] == ["a", "b", "a", "b", "c", "d"]


def test_a_video_that_kills_three_workers_at_one_place_has_failed():
    at_one_place = [Advanced("masks", 4, 9), Died("its process was ended by SIGSEGV")]
    crew = ScriptedCrew(1, lambda job: at_one_place if job.name == "b" else done(job))
    found: list[Outcome] = []
    dispatch(TASKS, crew, Board(SilentReport(), TASKS), ended=found.append)
    assert [one.state for one in found] == ["done", "failed", "done", "done"]
    assert "3 workers in a row" in found[1].error and "SIGSEGV" in found[1].error


def test_a_video_that_only_waits_for_its_turn_is_not_blamed_for_the_death_of_its_worker():
    """What a worker died of is done alone from then on."""
    died = Died("its process was ended by SIGSEGV")
    work = in_turn(lambda _: [], lambda _: [Entered(Phase.WAITS), died], lambda _: [died], lambda _: [died], done)
    crew = ScriptedCrew(1, work)
    assert states(crew) == {"a": "failed", "b": "done", "c": "done", "d": "done"}
    assert [name for _, name in crew.given] == ["a", "b", "a", "a", "b", "c", "d"]


def test_what_was_overwritten_is_not_discarded_again_by_the_next_worker():
    answers = in_turn(lambda _: [Died("killed")], lambda _: [Advanced("frames", 4, 9), Died("killed")], done)
    begun: list[bool] = []

    def work(job):
        begun.append(job.is_begun)
        return answers(job)

    assert states(ScriptedCrew(1, work), TASKS[:1]) == {"a": State.DONE}
    assert begun == [False, False, True]


@pytest.mark.parametrize(
    ("n_workers", "phase", "given"),
    [
        (1, Phase.WORKS, [(0, "a"), (0, "b")]),
        (1, Phase.CONCLUDES, [(0, "a"), (0, "b")]),
        (2, Phase.WORKS, [(0, "a"), (1, "b")]),
        (2, Phase.CONCLUDES, [(0, "a"), (1, "b"), (0, "c"), (1, "d")]),
    ],
)
def test_a_worker_opens_a_video_while_it_works_on_another_or_concludes_it(n_workers, phase, given):
    """The last videos wait behind no other: another worker may have nothing to do meanwhile."""
    crew = ScriptedCrew(n_workers, lambda _: [Entered(phase)])
    with pytest.raises(AllAtWork):
        dispatch(TASKS, crew, Board(SilentReport(), TASKS), ended=lambda _: None)
    assert crew.given == given


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
    given = [name for _, name in crew.given]
    assert given[:4] == ["a", "b", "a", "b"] and "a" in given[4:]


def test_in_a_bucket_the_lock_of_a_worker_of_an_earlier_batch_is_waited_for():
    work = in_turn(lambda _: [BUSY], done)
    assert states(ScriptedCrew(1, work), locks_expire=True)["a"] == State.DONE


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
        self.left_s: list[float | None] = []
        self.facts: list[dict] = []

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        assert total == 100
        self.percent.append(done)
        self.left_s.append(left_s)

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

    report, seconds = Progress(), count()
    board = Board(report, TASKS, clock=lambda: next(seconds))
    board.begin()
    dispatch(TASKS, ScriptedCrew(2, work), board, ended=lambda _: None)
    assert report.percent == sorted(report.percent) and report.percent[0] == 0 and report.percent[-1] == 100
    assert report.percent.count(100) == 1
    visits = [one for one in report.facts if one["event"] == "visit"]
    assert {one["video"] for one in visits} == set("abcd") and visits[0]["masks"] == 3
    assert next(one for one in report.facts if one["event"] == "video")["tracks"] == FACTS["tracks"]
    lines = [one["line"] for one in report.facts if one["event"] == "remark"]
    assert len(lines) == 4, "one for each video, and none of its own"
    assert lines[0].startswith("1 of 4: a: 3 frames") and lines[0].endswith(" left") and "left" not in lines[3]


def test_the_time_left_counts_what_earlier_batches_did_as_done_and_not_as_fast():
    """Half of the frames of a took 30 s, which is 0.45 of it. Of b 0.815 was made before."""
    now, report = iter([0.0] + [30.0] * 9), Progress()
    board = Board(report, TASKS[:2], clock=lambda: next(now))
    board.begin()
    for task, done_ in ((TASKS[1], 85), (TASKS[0], 0), (TASKS[0], 50)):
        board.advanced(Job(task), Advanced("frames", done_, 100))
    assert report.left_s[-1] == pytest.approx(30 / 0.45 * (0.5 + 1 - 0.815))

"""A budget for all videos together is shared out in passes."""

import pytest
from batch.crews import FACTS

from overseg.batch.outcome import Outcome, State
from overseg.batch.tasks import Plan, Task
from overseg.batch.together import check_together, share_out
from overseg.data.budget import Budget
from overseg.errors import SettingsError

NEEDS = {"short": 1.0, "middle": 8.0, "long": 100.0}
TASKS = [Task(name, f"/{name}.mp4") for name in (*NEEDS, "broken")]


def spent_on(total: Budget, n_workers: int = 1, tasks=TASKS):
    """The passes: for each, the limit, the videos, and then what each video had in all."""
    passes, spent = [], dict.fromkeys(NEEDS, 0.0)

    def make_pass(plan, tasks):
        limit = plan.budget
        passes.append((limit, [task.name for task in tasks]))
        overwritten.append(plan.overwrite)
        return [outcome(task.name, limit.max_work or limit.max_seconds) for task in tasks]

    def outcome(name: str, limit: float) -> Outcome:
        if name == "broken":
            return Outcome(name, State.FAILED, error="damaged")
        spent[name] = min(limit, NEEDS[name])
        reason = "complete" if spent[name] == NEEDS[name] else "budget"
        facts = FACTS | {"work": spent[name], "seconds_total": spent[name], "stop_reason": reason}
        return Outcome(name, State.DONE, facts=facts)

    overwritten: list[bool] = []
    outcomes = share_out(total, tasks, n_workers, Plan("out", overwrite=True), make_pass)
    assert overwritten == [True] + [False] * (len(passes) - 1)
    return passes, spent, outcomes


def test_all_videos_are_covered_before_any_is_refined():
    passes, spent, outcomes = spent_on(Budget(max_work=40))
    assert passes[0] == (Budget(max_work=2.5), ["short", "middle", "long", "broken"])
    assert passes[1][1] == ["middle", "long"]
    assert spent["short"] == 1 and spent["middle"] == 8
    assert sum(spent.values()) == pytest.approx(40), "what complete videos did not need goes to the others"
    assert [one.name for one in outcomes] == [task.name for task in TASKS]
    assert outcomes[-1].state is State.FAILED and not any("broken" in names for _, names in passes[1:])


def test_workers_have_the_time_at_once():
    _, spent, _ = spent_on(Budget(max_seconds=20), n_workers=2)
    assert sum(spent.values()) == pytest.approx(40)


def test_a_budget_that_is_enough_for_all_ends_when_all_are_complete():
    passes, spent, _ = spent_on(Budget(max_work=1000))
    assert spent == NEEDS and len(passes) == 2


def test_a_video_that_is_alone_has_all_at_once():
    passes, _, _ = spent_on(Budget(max_work=40), tasks=TASKS[2:3])
    assert passes == [(Budget(max_work=40), ["long"])]


@pytest.mark.parametrize("limits", ["coverage=0.9", "10h,masks=3"])
def test_what_cannot_be_shared_out_is_refused(limits):
    with pytest.raises(SettingsError, match="--total-budget takes a limit of time or work"):
        check_together(Budget.parse(limits))

"""A budget for all videos together: all are covered coarsely before any is refined."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from overseg.batch.outcome import Outcome, State
from overseg.batch.tasks import Plan, Task
from overseg.data.budget import Budget
from overseg.errors import SettingsError

COARSE = 0.25  # of a video's even share of the budget, which the first pass may spend on it
_LEAST_MORE = 0.05  # of the share so far; a pass that could add less is not made
_SPENT = {"max_seconds": "seconds_total", "max_work": "work"}

Pass = Callable[[Plan, Sequence[Task]], Sequence[Outcome]]


def check_together(budget: Budget) -> None:
    """Refuse with SettingsError a budget that cannot be shared out."""
    if not budget.limited or set(budget.limits) - set(_SPENT):
        raise SettingsError(
            "--total-budget takes a limit of time or work for all videos together, such as 10h or work=5000: "
            "give coverage and masks for each video with --budget"
        )


def share_out(total: Budget, tasks: Sequence[Task], n_workers: int, plan: Plan, make_pass: Pass) -> list[Outcome]:
    """Spend a budget on all videos, in passes.

    In the first pass every video may spend a quarter of an even share; a video that is alone has all at once. In each
    later one, all videos that are not
    complete may spend as much as each other, so that the whole budget would be spent; what a complete video did not
    need goes to the others.

    Args:
        total: limits of time, which several workers have at the same time, or of work.
        tasks: the videos, at least one.
        n_workers: working at the same time.
        plan: what else holds for all videos. What stores hold is discarded in the first pass alone.
        make_pass: works on videos as a plan says, with its budget for each of them, and returns what came of each.

    Returns:
        An outcome for each video.
    """
    outcomes: dict[str, Outcome] = {}
    whole = replace(total, max_seconds=total.max_seconds and total.max_seconds * n_workers)
    for limit in _limits(whole, tasks, outcomes):
        left = [task for task in tasks if _may_go_on(outcomes.get(task.name))]
        this = replace(plan, budget=limit, overwrite=plan.overwrite and not outcomes)
        outcomes.update({one.name: one for one in make_pass(this, left)})
    return [outcomes[task.name] for task in tasks]


def _limits(whole: Budget, tasks: Sequence[Task], outcomes: dict[str, Outcome]) -> Iterator[Budget]:
    """The budget of each video in pass after pass; `outcomes` has what came of the passes before."""
    before = COARSE / len(tasks) if len(tasks) > 1 else 1.0
    yield _scaled(whole, before)
    while unfinished := [task for task in tasks if _may_go_on(outcomes[task.name])]:
        spent = sum(_spent(outcomes[task.name], whole) for task in tasks if task not in unfinished)
        share = (1 - spent) / len(unfinished)
        if share <= before * (1 + _LEAST_MORE):
            return
        yield _scaled(whole, share)
        before = share


def _scaled(whole: Budget, share: float) -> Budget:
    return replace(whole, **{name: getattr(whole, name) * share for name in whole.limits})


def _may_go_on(outcome: Outcome | None) -> bool:
    """Whether more budget would add to a video."""
    if outcome is None:
        return True
    return outcome.state is State.DONE and outcome.facts.get("stop_reason") != "complete"


def _spent(outcome: Outcome, whole: Budget) -> float:
    """The share of the whole budget that a video took; of several limits, the largest."""
    shares = [outcome.facts.get(_SPENT[name], 0.0) / getattr(whole, name) for name in whole.limits]
    return max(shares, default=0.0)

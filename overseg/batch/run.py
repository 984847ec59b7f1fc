"""A batch from its inputs to its outcomes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overseg.batch.board import Board
from overseg.batch.crew import Crew
from overseg.batch.dispatch import dispatch
from overseg.batch.listing import list_tasks
from overseg.batch.outcome import Outcome, State
from overseg.batch.records import Records
from overseg.batch.shard import Shard
from overseg.batch.tasks import OF_TRACKING, Plan, Task
from overseg.batch.together import share_out
from overseg.data.budget import Budget
from overseg.data.setting import option
from overseg.errors import InputError, SettingsError

if TYPE_CHECKING:
    from overseg.stages import Report


def run_batch(
    inputs: Sequence[str | Path],
    plan: Plan,
    make_crew: Callable[[Plan], Crew],
    *,
    shard: Shard | None,
    total: Budget | None = None,
    report: "Report",
) -> list[Outcome]:
    """Make a result of every video, or of those of a shard, and record those that fail.

    Args:
        inputs: as in `list_tasks`.
        plan: what holds for all videos.
        make_crew: gives the workers, once everything that can be refused without them is checked.
        shard: the part to do; None for all videos.
        total: a budget for all videos together; the plan has none then.
        report: receives progress and events.

    Returns:
        An outcome for each video.

    Raises:
        OversegError: nothing can be done. Of a single video it is recorded, and the others are done.
    """

    def remark(line: str) -> None:
        report.event("remark", line=line)

    records = Records(plan.out, shard)
    tasks = list_tasks(inputs, known=records.tasks(), remark=remark)
    _check(tasks, plan)
    mine = [task for task in tasks if shard is None or shard.has(task.name)]
    records.begin(tasks)
    if not mine:
        remark(f"none of the {len(tasks)} videos is in this shard: nothing to do")
        return []
    task_of = {task.name: task for task in mine}

    def ended(outcome: Outcome) -> None:
        if outcome.state is State.FAILED:
            records.add_failure(outcome, task_of[outcome.name], plan)

    def make_pass(budget: Budget, some: Sequence[Task]) -> list[Outcome]:
        board = Board(report, some)
        board.begin()
        crew = make_crew(replace(plan, budget=budget))
        return dispatch(some, crew, board, ended=ended, may_split=not budget.limited)

    if total is None:
        return make_pass(plan.budget, mine)
    return share_out(total, mine, len(make_crew(plan)), make_pass)


def _check(tasks: Sequence[Task], plan: Plan) -> None:
    if not tasks:
        raise InputError("expected videos, folders of them, patterns or lists, got nothing")
    if all(task.is_tracking for task in tasks):
        unused = [name for name in plan.changes if name not in OF_TRACKING]
        if plan.preset or plan.budget.limited or unused:
            word = "--preset" if plan.preset else "--budget" if plan.budget.limited else option(unused[0])
            raise SettingsError(f"{word} is for every region, and all videos here have prompts: leave it out")

"""A batch from its inputs to its outcomes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
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
from overseg.store.places import is_address

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
        total: a budget for all videos together; the plan has none then. A shard has the share of the work that its
            share of the videos is, and the whole time, which the jobs have at once.
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
    records.make_folder()
    if not mine:
        records.begin(tasks)
        remark(f"none of the {len(tasks)} videos is in this shard: nothing to do")
        return []
    task_of = {task.name: task for task in mine}

    def ended(outcome: Outcome) -> None:
        if outcome.state is State.FAILED:
            records.add_failure(outcome, task_of[outcome.name], plan)

    begin = cache(lambda: records.begin(tasks))  # before the first pass alone

    def make_pass(plan: Plan, some: Sequence[Task]) -> list[Outcome]:
        board = Board(report, some)
        board.begin()
        return dispatch(
            some,
            make_crew(plan),
            board,
            begun=begin,
            ended=ended,
            may_split=not plan.budget.limited or plan.budget.is_of_work_alone,
            leaves_rest=plan.budget.limited,
            locks_expire=is_address(plan.out),
        )

    if total is None:
        return make_pass(plan, mine)
    share = total.max_work and total.max_work * len(mine) / len(tasks)
    return share_out(replace(total, max_work=share), mine, len(make_crew(plan)), plan, make_pass)


def _check(tasks: Sequence[Task], plan: Plan) -> None:
    if not tasks:
        raise InputError("expected videos, folders of them, patterns or lists, got nothing")
    if all(task.is_tracking for task in tasks):
        unused = [name for name in plan.changes if name not in OF_TRACKING]
        if plan.preset or plan.budget.limited or unused:
            word = "--preset" if plan.preset else "--budget" if plan.budget.limited else option(unused[0])
            raise SettingsError(f"{word} is for every region, and all videos here have prompts: leave it out")

"""The work on one video of a batch, in whichever process it is."""

import os
import socket
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overseg.batch.jobs import Job, Step
from overseg.batch.outcome import Outcome, State
from overseg.batch.tasks import Plan, Task
from overseg.errors import OversegError, StoreBusyError

if TYPE_CHECKING:
    from overseg.stages import Report
    from overseg.store.result import Result


@dataclass(frozen=True)
class Bench:
    """What a worker works with.

    Attributes:
        plan: what holds for all videos.
        device: as `overseg.run` takes it.
    """

    plan: Plan
    device: str

    @property
    def where(self) -> str:
        """Host, process and device, for people."""
        return f"{socket.gethostname()} {os.getpid()} {self.device}"


def check(bench: Bench, kinds: Sequence[Task], report: "Report") -> None:
    """Refuse settings that cannot work, and fetch the weights that are missing.

    Args:
        bench: settings and device.
        kinds: a video of each kind of settings that there are.
        report: receives the progress of downloads.

    Raises:
        OversegError: names the option, what it takes and what came.
    """
    from overseg.api.shared import check_cache_is_used, feature_cache_bytes
    from overseg.api.track_choice import choose_tracking
    from overseg.build import find_weights
    from overseg.presets import choose

    plan = bench.plan
    feature_cache_bytes(plan.feature_cache)
    for task in kinds:
        changes = plan.changes_of(task)
        if task.is_tracking:
            tracking = choose_tracking(bench.device, changes, masks_alone=False, report=report).settings
            check_cache_is_used(plan.feature_cache, tracking.propagator)
            continue
        settings = choose(plan.preset, bench.device, changes, report=report).settings
        check_cache_is_used(plan.feature_cache, settings.propagator)
        find_weights(settings, report=report)


class Worker:
    """Does jobs one after another. It keeps the models that one needed for the next one."""

    def __init__(self, bench: Bench, report: "Report") -> None:
        from overseg.build import KeptStages

        self._bench, self._report, self._build = bench, report, KeptStages()

    def do(self, job: Job) -> Outcome:
        """Do a job, or continue what another worker left of it; what goes wrong is said in the outcome."""
        began = time.monotonic()

        def outcome(state: State, **more: Any) -> Outcome:
            seconds = round(time.monotonic() - began, 3)
            return Outcome(job.task.name, state, seconds, where=self._bench.where, **more)

        try:
            return outcome(State.DONE, **self._done(job))
        except StoreBusyError as e:
            return outcome(State.RUNNING, error=str(e), kind=type(e).__name__)
        except OversegError as e:
            return outcome(State.FAILED, error=str(e), kind=type(e).__name__)
        except Exception as e:  # a defect, which stops this video and no other
            line = f"overseg failed: {type(e).__name__}: {' '.join(str(e).split())}"
            return outcome(State.FAILED, error=line, kind=type(e).__name__, traceback=traceback.format_exc())

    def _done(self, job: Job) -> dict[str, Any]:
        """Do the job, and return what to report."""
        from overseg.api.parts import begin_parts, make_part
        from overseg.api.state import gist_of

        plan, task = self._bench.plan, job.task
        given: dict[str, Any] = {
            "device": self._bench.device,
            "feature_cache": plan.feature_cache,
            "report": self._report,
            **plan.changes_of(task),
        }
        if job.step is Step.PART:
            make_part(task.input, plan.store_of(task), job.part, preset=plan.preset, build=self._build, **given)
            return {}
        overwrite = plan.overwrite and job.step is not Step.CONCLUDE
        if job.step is Step.BEGIN:
            n = begin_parts(task.input, plan.store_of(task), preset=plan.preset, overwrite=overwrite, **given)
            return {"n_parts": n}
        return {"facts": gist_of(self._result(task, overwrite=overwrite, **given))}

    def _result(self, task: Task, **given: Any) -> "Result":
        from overseg.api.run import run
        from overseg.api.track import track

        plan, store = self._bench.plan, self._bench.plan.store_of(task)
        if task.is_tracking:
            return track(task.input, store, prompts=task.prompts, **given)
        return run(task.input, store, preset=plan.preset, budget=plan.budget, build=self._build, **given)

"""The work on one video of a batch, in whichever process it is."""

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overseg import freed_memory
from overseg.batch.crew import Entered, News, Telling
from overseg.batch.jobs import Job, Phase, Step
from overseg.batch.outcome import Outcome, State
from overseg.batch.tasks import Plan, Task
from overseg.errors import OversegError, StoreBusyError

if TYPE_CHECKING:
    from overseg.stages import Report


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
    """Does jobs, from several threads at once. They share the models, and take turns at making masks.

    So one video is opened, and another one concluded, while the device makes the masks of a third.
    """

    def __init__(self, bench: Bench) -> None:
        from overseg.build import KeptStages

        self._bench, self._stages, self._device = bench, KeptStages(), threading.Lock()

    def do(self, job: Job, tell: Callable[[News], None]) -> Outcome:
        """Do a job, or continue what another worker left of it; what goes wrong is said in the outcome.

        Args:
            job: what to do.
            tell: is told how far it is.
        """
        began = time.monotonic()

        def outcome(state: State, **more: Any) -> Outcome:
            seconds = round(time.monotonic() - began, 3)
            return Outcome(job.task.name, state, seconds, where=self._bench.where, device=self._bench.device, **more)

        try:
            return outcome(State.DONE, **self._done(job, tell))
        except StoreBusyError as e:
            return outcome(State.RUNNING, error=str(e), kind=type(e).__name__)
        except OversegError as e:
            return outcome(State.FAILED, error=str(e), kind=type(e).__name__)
        except Exception as e:  # a defect, which stops this video and no other
            line = f"overseg failed: {type(e).__name__}: {' '.join(str(e).split())}"
            return outcome(State.FAILED, error=line, kind=type(e).__name__, traceback=traceback.format_exc())
        finally:
            freed_memory.give_back()

    def _done(self, job: Job, tell: Callable[[News], None]) -> dict[str, Any]:
        """Do the job, and return what to report."""
        from overseg.api.parts import begin_parts, make_part
        from overseg.api.run import run
        from overseg.api.state import gist_of
        from overseg.api.track import track

        plan, task = self._bench.plan, job.task
        given: dict[str, Any] = {
            "device": self._bench.device,
            "feature_cache": plan.feature_cache,
            "report": Telling(tell),
            **plan.changes_of(task),
        }
        build = self._stages.in_turn(_Turn(self._device, tell)) if job.needs_turn else self._stages
        overwrite = plan.overwrite and job.step in (Step.WHOLE, Step.BEGIN) and not job.is_begun
        store, of_run = plan.store_of(task), {"preset": plan.preset, "budget": plan.budget, "build": build, **given}
        if job.step is Step.PART:
            make_part(task.input, store, job.part, **of_run)
            return {}
        if job.step is Step.BEGIN:
            return {"n_parts": begin_parts(task.input, store, overwrite=overwrite, **of_run)}
        if task.is_tracking:
            with build.turn:
                return {"facts": gist_of(track(task.input, store, prompts=task.prompts, overwrite=overwrite, **given))}
        return {"facts": gist_of(run(task.input, store, overwrite=overwrite, **of_run))}


class _Turn:
    """Held by the job that makes masks; says how far the job is."""

    def __init__(self, device: threading.Lock, tell: Callable[[News], None]) -> None:
        self._device, self._tell = device, tell

    def __enter__(self) -> None:
        self._tell(Entered(Phase.WAITS))
        self._device.acquire()
        self._tell(Entered(Phase.WORKS))

    def __exit__(self, *_: object) -> None:
        self._device.release()
        self._tell(Entered(Phase.CONCLUDES))

"""Makes results of many videos: what `overseg batch` does."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.arguments import checked_arguments
from overseg.api.shared import PATHS
from overseg.batch.crew import Crew
from overseg.batch.one_video import Bench
from overseg.batch.outcome import Outcome
from overseg.batch.processes import ProcessCrew
from overseg.batch.run import run_batch
from overseg.batch.shard import Shard
from overseg.batch.tasks import Plan, absolute
from overseg.batch.together import check_together
from overseg.data.budget import Budget
from overseg.data.settings import Settings
from overseg.errors import SettingsError, did_you_mean
from overseg.store.places import is_address

if TYPE_CHECKING:
    from overseg.stages import Report


@checked_arguments
def run_many(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    workers: int | None = None,
    devices: Sequence[str] = (),
    shard: str | None = None,
    on: str | None = None,
    preset: str | None = None,
    budget: str | None = None,
    total_budget: str | None = None,
    feature_cache: str | None = None,
    overwrite: bool = False,
    report: "Report | None" = None,
    **changes: Any,
) -> list[Outcome]:
    """Make a result of every video, each in a store of its own; what `overseg batch` does.

    Example:
        >>> outcomes = overseg.run_many(["clips/"], "masks/", workers=2, step=10)  # doctest: +SKIP
        >>> [one.name for one in outcomes if one.state == "failed"]  # doctest: +SKIP
        ['damaged']

    Args:
        inputs: video files, folders of images, folders that have such in them, patterns, and lists.
        out: the folder of the stores, a path or such an address as `s3://bucket/cups`.
        workers: number of processes; None for one on each device.
        devices: of the workers, in turn, each as "auto", "cpu", "cuda", "cuda:N" or "mps"; empty for "auto".
        shard: "i/n" for the i-th of n parts of the videos, from 0.
        on: "ray" or "ray=ADDRESS" for actors of Ray in place of processes; each has a GPU, where there are any.
        preset, budget, feature_cache, changes: as `overseg.run` takes them, for each video.
        total_budget: a limit of time or work for all videos together, in place of a budget for each: all are covered
            coarsely before any is refined. Several workers have the time at once.
        overwrite: discard what the stores hold.
        report: receives progress and events; None for a progress bar on a terminal.

    Returns:
        What came of each video. Those that failed are in `failures.jsonl` in the folder, too.

    Raises:
        OversegError: nothing can be done: there are no videos, or the settings cannot work.
    """
    from overseg.api.shared import reporting
    from overseg.presets import PRESETS, known_changes

    if preset is not None and preset not in PRESETS:
        raise SettingsError(f"--preset is one of {', '.join(PRESETS)}, not {preset!r}{did_you_mean(preset, PRESETS)}")
    limits = Budget.parse(budget) if budget else Budget()
    part = Shard.parse(shard) if shard else None
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    place = str(out) if is_address(str(out)) else absolute(out)  # workers elsewhere have another working folder
    settings = {name: _from_anywhere(name, value) for name, value in known_changes(Settings, changes).items()}
    plan = Plan(place, preset, limits, feature_cache, settings, overwrite)
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        return run_batch(
            given, plan, _maker(workers, devices, on), shard=part, total=_total(limits, total_budget), report=report
        )


def _from_anywhere(name: str, value: Any) -> Any:
    """A setting that names a file, such as weights, with its path from the root on."""
    is_file = name in PATHS and isinstance(value, str) and Path(value).expanduser().exists()
    return absolute(value) if is_file and (os.sep in value or Path(value).suffix) else value


def _total(limits: Budget, total_budget: str | None) -> Budget | None:
    """The budget for all videos together."""
    if total_budget is None:
        return None
    if limits.limited:
        raise SettingsError("--budget is for each video, and --total-budget for all together: give one of the two")
    total = Budget.parse(total_budget, option="--total-budget")
    check_together(total)
    return total


def _maker(workers: int | None, devices: Sequence[str], on: str | None) -> Callable[[Plan], Crew]:
    """What starts the workers."""
    if on is None:
        n = _n_workers(workers, devices)
        return lambda plan: _processes(plan, devices, n)
    engine, _, address = on.partition("=")
    if engine != "ray":
        raise SettingsError(f"--on is ray or ray=ADDRESS, not {on!r}")
    if devices:
        raise SettingsError("--devices is for processes of this machine; with --on ray, Ray gives each worker a device")
    if workers is not None and workers < 1:
        raise SettingsError(f"--workers is at least 1, not {workers}")
    return lambda plan: _actors(plan, address or None, workers)


def _actors(plan: Plan, address: str | None, n: int | None) -> Crew:
    try:
        from overseg.batch.on_ray import RayCrew
    except ModuleNotFoundError as e:
        if e.name != "ray":
            raise
        raise SettingsError("--on ray needs the package ray: pip install 'overseg[ray]'") from e
    return RayCrew(plan, address=address, n=n)


def _n_workers(workers: int | None, devices: Sequence[str]) -> int:
    if workers is None:
        return max(1, len(devices))
    if workers < max(1, len(devices)):
        raise SettingsError(f"--workers is at least 1 and one for each of --devices, not {workers}")
    return workers


def _processes(plan: Plan, devices: Sequence[str], n: int) -> Crew:
    """Processes of this machine, which share its CPU cores."""
    named = devices or ("auto",)
    benches = [Bench(plan, named[worker % len(named)]) for worker in range(n)]
    return ProcessCrew(benches, threads=max(1, _n_cores() // n))


def _n_cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

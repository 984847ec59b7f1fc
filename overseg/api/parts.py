"""The work of `overseg.run` in parts, which several processes do at the same time."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.opened import opened
from overseg.data.budget import Budget

if TYPE_CHECKING:
    from overseg.api.opened import Opened
    from overseg.build import KeptStages
    from overseg.data.shot import Shot
    from overseg.data.visit import VisitKey
    from overseg.stages import Report


def begin_parts(
    input: str | Path,
    output: str,
    *,
    preset: str | None,
    device: str,
    budget: Budget,
    feature_cache: str | int | None,
    overwrite: bool,
    report: "Report",
    build: "KeptStages",
    **changes: Any,
) -> int:
    """Begin a run whose visits are made in parts; return how many there are, 0 if the result is complete.

    `make_part` makes each of them, in any order and in any process. `overseg.run` then publishes the result; with a
    budget it first makes what is left of that. A run with a budget that was begun otherwise is one part.

    Args:
        input, output, preset, device, feature_cache, overwrite, report, build, changes: as `overseg.run` takes them.
        budget: of work alone, or none.
    """
    from overseg.engine.sweep.run import kept_shots
    from overseg.store.zarr_store import ZarrStore

    with opened(
        input, output, preset, device, changes, feature_cache=feature_cache, report=report, overwrite=overwrite
    ) as job:
        new = {**job.of_store, "provenance": job.provenance, "overwrite": overwrite}
        with ZarrStore.create_or_resume(output, **new) as store:
            if store.final:
                return 0
            shots = kept_shots(job.video, store, job.choice.settings.step, report)
            if budget.limited and not store.is_ahead:
                if store.committed():
                    return 1
                store.keep_ahead(True)
            return len(_parts(job, shots, budget, build))


def make_part(
    input: str | Path,
    output: str,
    part: int,
    *,
    preset: str | None,
    device: str,
    budget: Budget,
    feature_cache: str | int | None,
    report: "Report",
    build: "KeptStages",
    **changes: Any,
) -> None:
    """Make the visits of a part of a run that `begin_parts` began.

    Args:
        input, output, preset, device, budget, feature_cache, report, build, changes: as for `begin_parts`.
        part: its number, from 0.
    """
    from overseg.engine.sweep.run import make_visits
    from overseg.store.zarr_store import ZarrStore

    with (
        opened(input, output, preset, device, changes, feature_cache=feature_cache, report=report) as job,
        ZarrStore.join(output, str(part), **job.of_store) as store,
    ):
        visits = _parts(job, store.shots() or [], budget, build)[part]
        if not store.committed().issuperset(visits):
            stages = build(job.choice.settings, job.machine)
            with build.turn:
                make_visits(job.video, stages, store, visits, settings=job.choice.settings, report=report)


def _parts(job: "Opened", shots: "Sequence[Shot]", budget: Budget, build: "KeptStages") -> "list[list[VisitKey]]":
    from overseg.engine.sweep.schedule import parts, planned_parts

    settings = job.choice.settings
    if not budget.limited:
        return parts(shots, settings.step, stretch=settings.stretch)
    stages = build(settings, job.machine)  # whose formulas say what the budget pays for
    return planned_parts(shots, settings.step, budget, stages, stretch=settings.stretch)

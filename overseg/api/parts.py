"""The work of `overseg.run` in parts, which several processes do at the same time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.opened import opened

if TYPE_CHECKING:
    from overseg.build import KeptStages
    from overseg.stages import Report


def begin_parts(
    input: str | Path,
    output: str,
    *,
    preset: str | None,
    device: str,
    feature_cache: str | int | None,
    overwrite: bool,
    report: "Report",
    **changes: Any,
) -> int:
    """Begin a run whose visits are made in parts; return how many there are, 0 if the result is complete.

    `make_part` makes each of them, in any order and in any process. `overseg.run` then publishes the result.

    Args:
        input, output, preset, device, feature_cache, overwrite, report, changes: as `overseg.run` takes them, without
            a budget.
    """
    from overseg.engine.sweep.run import kept_shots
    from overseg.engine.sweep.schedule import parts
    from overseg.store.zarr_store import ZarrStore

    with opened(input, preset, device, changes, feature_cache=feature_cache, report=report) as job:
        new = {**job.of_store, "provenance": job.provenance, "overwrite": overwrite}
        with ZarrStore.create_or_resume(output, **new) as store:
            if store.final:
                return 0
            settings = job.choice.settings
            return len(parts(kept_shots(job.video, store, report), settings.step, stretch=settings.stretch))


def make_part(
    input: str | Path,
    output: str,
    part: int,
    *,
    preset: str | None,
    device: str,
    feature_cache: str | int | None,
    report: "Report",
    build: "KeptStages | None" = None,
    **changes: Any,
) -> None:
    """Make the visits of a part of a run that `begin_parts` began.

    Args:
        input, output, preset, device, feature_cache, report, changes: as for `begin_parts`.
        build: as `overseg.run` takes it.
        part: its number, from 0.
    """
    from overseg.build import build_stages
    from overseg.engine.sweep.run import make_visits
    from overseg.engine.sweep.schedule import parts
    from overseg.store.zarr_store import ZarrStore

    with (
        opened(input, preset, device, changes, feature_cache=feature_cache, report=report) as job,
        ZarrStore.join(output, str(part), **job.of_store) as store,
    ):
        settings = job.choice.settings
        visits = parts(store.shots() or [], settings.step, stretch=settings.stretch)[part]
        if not store.committed().issuperset(visits):
            stages = (build or build_stages)(settings, job.machine)
            make_visits(job.video, stages, store, visits, settings=settings, report=report)

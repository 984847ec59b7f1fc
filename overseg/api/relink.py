"""Other tracks from the same masks: `overseg.relink`."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from overseg.data.settings import Settings
from overseg.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from overseg.stages import Report
    from overseg.store.result import Result


def relink(
    path: str | Path, *, match_iou: float | None = None, reid: bool | None = None, report: "Report | None" = None
) -> "Result":
    """Decide again which masks of a store are one track, without any model; what `overseg relink` does.

    Args:
        path: the store; its result is replaced by the new one.
        match_iou: masks of one frame that agree at least this much are the same region; None for the run's own.
        reid: whether tracks that ended go on as later ones that look the same and are near; None for the run's own.
        report: receives the progress by frame; None for progress bars on a terminal.

    Raises:
        StoreError: there is no store, it holds no result yet, it was imported, or another process is writing it.
        SettingsError: the threshold cannot be, or is lower than the overlaps that the store keeps.
    """
    from overseg.associate.overlap import MAY_BE_ONE_IOU
    from overseg.build import build_associator
    from overseg.engine.tracks.relink import relink as work
    from overseg.report import TerminalReport
    from overseg.store.result import open_result
    from overseg.store.zarr_store import ZarrStore

    chosen = open_result(path).identity["settings"]
    if "match_iou" not in chosen:
        raise StoreError(f"{path} was not made by `overseg run`: it keeps no overlaps to decide tracks from")
    of_run = {name: chosen[name] for name in ("propagator", "match_iou", "reid")}
    changes = {name: value for name, value in (("match_iou", match_iou), ("reid", reid)) if value is not None}
    wanted = Settings.from_options(of_run | changes)
    least = min(of_run["match_iou"], MAY_BE_ONE_IOU)
    if wanted.match_iou < least:
        raise SettingsError(f"--match-iou {match_iou} is too low for {path}, which keeps overlaps from {least:g} on")
    with ExitStack() as stack:
        report = report or stack.enter_context(closing(TerminalReport()))
        store = stack.enter_context(ZarrStore.reopen(path))
        told = {"match_iou": wanted.match_iou, "reid": wanted.reid}
        work(store, open_result(path), build_associator(wanted), told, report)
    return open_result(path)

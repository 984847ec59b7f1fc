"""Other tracks from the same masks: `overseg.relink`."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from overseg.api.arguments import checked_arguments
from overseg.api.shared import reporting
from overseg.data.settings import Settings
from overseg.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from overseg.api.result import Result
    from overseg.stages import Report

_IMPORTED_MATCH_IOU = 0.3


@checked_arguments
def relink(
    path: str | Path, *, match_iou: float | None = None, reid: bool | None = None, report: "Report | None" = None
) -> "Result":
    """Decide again which masks of a store are one track, without any model; what `overseg relink` does.

    In an imported store, the masks of an object stay together, and an object that begins where another ended continues
    it.

    Example:
        >>> overseg.relink("cup.zarr", match_iou=0.7)  # doctest: +SKIP

    Args:
        path: the store. The new result replaces the current one.
        match_iou: masks of one frame with at least this IoU are the same region; None for the value of the run. In an
            imported store, the last mask of an object and the first of another; None for 0.3.
        reid: whether a track that ended continues as a later one with a similar appearance nearby; None for the value
            of the run.
        report: receives the progress; None for progress bars on a terminal.

    Raises:
        StoreError: there is no store, it holds no result yet, or another process is writing it.
        SettingsError: the threshold is out of range, or lower than the overlaps that the store keeps.
    """
    from overseg.api.results import open
    from overseg.associate.overlap import MAY_BE_ONE_IOU
    from overseg.build import build_associator
    from overseg.engine.tracks.relink import relink_tracks
    from overseg.store.result import open_result
    from overseg.store.zarr_store import ZarrStore

    chosen = open_result(path).identity["settings"]
    if "format" in chosen:
        return _relink_imported(path, match_iou=match_iou, reid=reid, report=report)
    if "match_iou" not in chosen:
        raise StoreError(f"{path} was not made by `overseg run`: it keeps no overlaps to decide tracks from")
    of_run = {name: chosen[name] for name in ("propagator", "match_iou", "reid")}
    changes = {name: value for name, value in (("match_iou", match_iou), ("reid", reid)) if value is not None}
    wanted = Settings.from_options(of_run | changes)
    least = min(of_run["match_iou"], MAY_BE_ONE_IOU)
    if wanted.match_iou < least:
        raise SettingsError(f"--match-iou {match_iou} is too low for {path}, which keeps overlaps of {least:g} or more")
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        store = stack.enter_context(ZarrStore.reopen(path))
        settings = {"match_iou": wanted.match_iou, "reid": wanted.reid}
        relink_tracks(store, open_result(path), build_associator(wanted), settings, report)
    return open(path)


def _relink_imported(
    path: str | Path, *, match_iou: float | None, reid: bool | None, report: "Report | None"
) -> "Result":
    from overseg.api.results import open
    from overseg.engine.tracks.rejoin import rejoin_tracks
    from overseg.store.zarr_store import ZarrStore

    if reid is not None:
        raise SettingsError(f"--reid needs appearances, and {path} was imported without: leave it out")
    min_iou = _IMPORTED_MATCH_IOU if match_iou is None else match_iou
    if not 0 < min_iou <= 1:
        raise SettingsError(f"--match-iou takes a number above 0 and up to 1, not {min_iou:g}")
    with reporting(report) as told, ZarrStore.reopen(path) as store:
        rejoin_tracks(store, open(path), min_iou=min_iou, settings={"match_iou": min_iou}, report=told)
    return open(path)

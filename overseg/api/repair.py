"""Mending a damaged store: what is damaged is made anew, and nothing else."""

from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.shared import identity_of, out_of_memory_told
from overseg.data.settings import Settings
from overseg.errors import StoreError

if TYPE_CHECKING:
    from overseg.data.visit import VisitKey
    from overseg.stages import Report, Stages, Video
    from overseg.store.checking import Damage
    from overseg.store.folder import Folder
    from overseg.store.root import Root
    from overseg.store.zarr_store import ZarrStore


@dataclass(frozen=True)
class Repaired:
    """What was done to a store.

    Attributes:
        damage: what was damaged.
        made_again: the visits that were made again.
    """

    damage: "list[Damage]"
    made_again: "frozenset[VisitKey]"


def repair(
    path: str | Path,
    *,
    video: str | Path | None = None,
    masks: str | Path | None = None,
    report: "Report | None" = None,
) -> "Repaired":
    """Find what is damaged in a store, and make that anew; what `overseg repair` does.

    A damaged visit is made again from the visits around it, and is the same again. A damaged result is published anew
    from the visits. A complete store holds them no more, but all that they found: those of which nothing is lost are
    taken from its result, and the others are made again.

    Args:
        path: the store.
        video: where its input is now; None for where it was when the store was made.
        masks: where the given masks are now, of a run with `--generator precomputed`.
        report: is told of every step; None for progress bars on a terminal.

    Raises:
        StoreError: there is no store, its root is damaged, or it was not made by `overseg run`.
        InputError: the video is not there, or is another one.
    """
    from overseg.build import build_stages, find_weights
    from overseg.presets import resolve_device
    from overseg.report import TerminalReport
    from overseg.store.checking import find_damage
    from overseg.store.places import folder_at
    from overseg.store.root import Root, as_json, differences, read_root
    from overseg.store.zarr_store import ZarrStore
    from overseg.video.open import open_video

    folder = folder_at(path)
    damage, root = find_damage(folder), read_root(folder)
    if not damage:
        return Repaired([], frozenset())
    settings = _settings_of(root, folder, masks)
    with ExitStack() as stack:
        report = report or stack.enter_context(closing(TerminalReport()))
        opened = stack.enter_context(
            open_video(
                root.provenance["input"] if video is None else video,
                start=settings.start,
                end=settings.end,
                stride=settings.stride,
                resize=settings.resize,
            )
        )
        weights = find_weights(settings, report=report)
        now = Root(
            as_json(identity_of(opened.info, settings, weights, masks=settings.masks)),
            root.provenance,
            opened.info.size,
        )
        if differing := differences(root, now):
            raise StoreError(f"{path} cannot be mended from this: {differing}; say with --video where its input is")
        device = resolve_device(root.provenance["device"], needs_torch=bool(weights))
        stages = build_stages(settings, device=device)
        store = stack.enter_context(ZarrStore.reopen(path))
        stack.enter_context(out_of_memory_told())
        return Repaired(damage, _mend(opened, stages, store, settings, root, damage, report))


def _mend(
    video: "Video",
    stages: "Stages",
    store: "ZarrStore",
    settings: Settings,
    root: "Root",
    damage: "list[Damage]",
    report: "Report",
) -> "frozenset[VisitKey]":
    """Make anew what is damaged; the visits that were made again."""
    from overseg.engine.repair import make_again, publish_again
    from overseg.store.places import folder_at

    lost = frozenset(one.visit for one in damage if one.visit is not None)
    files = {one.name for one in damage if one.visit is None}
    if files and root.final:
        return _mend_complete(video, stages, store, settings, root, files, report)
    limit = _limit_of(folder_at(store.path), root)
    store.discard(lost, result=bool(files))
    make_again(video, stages, store, lost, settings=settings, report=report)
    if files:
        publish_again(video, stages, store, settings=settings, limit=limit, report=report)
    return lost


def _mend_complete(
    video: "Video",
    stages: "Stages",
    store: "ZarrStore",
    settings: Settings,
    root: "Root",
    files: set[str],
    report: "Report",
) -> "frozenset[VisitKey]":
    """Of a complete run's result, make again the visits of which these files hold something."""
    from overseg.build import build_associator
    from overseg.engine.repair import complete_again
    from overseg.store.folder import METADATA
    from overseg.store.places import folder_at
    from overseg.store.root import RESULTS, read_attributes
    from overseg.store.salvage import Salvage

    result, salvage, summary = folder_at(store.path) / RESULTS / str(root.result), None, None
    if METADATA not in files:  # which alone knows what the others were
        salvage = Salvage(result, files, size=root.size, n_frames=len(video))
        summary = read_attributes(result)["summary"]
    relinked = {} if summary is None else summary.get("relinked", {})
    linker = build_associator(Settings.from_options({**asdict(settings), **relinked}))
    return complete_again(video, stages, store, salvage, summary, linker, settings=settings, report=report)


def _settings_of(root: "Root", store: "Folder", masks: str | Path | None) -> Settings:
    chosen: dict[str, Any] = root.identity.get("settings", {})
    if "match_iou" not in chosen or not set(chosen) <= set(Settings.names()):
        raise StoreError(f"{store} was not made by `overseg run`: make it again as it was made")
    weights = root.provenance["weights"]
    names = {
        setting: weights[stage]["name"]
        for setting, stage in (("weights", "generator"), ("propagator_weights", "propagator"))
        if stage in weights
    }
    given = {"masks": str(masks)} if masks is not None else {}
    return Settings.from_options({**chosen, **names, **given})


def _limit_of(store: "Folder", root: "Root") -> str | None:
    """The limit that ended the run, as far as the damaged store still says it."""
    from overseg.store.root import RESULTS, read_attributes

    if root.result is None or root.final:
        return None
    try:
        reason = read_attributes(store / RESULTS / root.result)["summary"]["stop_reason"]
    except StoreError:
        return "that is not known any more"
    return reason.removeprefix("budget ")

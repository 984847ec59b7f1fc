"""Mending a damaged store: what is damaged is made anew, and nothing else."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.shared import identity_of, out_of_memory_as_error
from overseg.data.setting import from_stored
from overseg.data.settings import Settings
from overseg.errors import StoreError

if TYPE_CHECKING:
    from overseg.data.visit import VisitKey
    from overseg.maintenance.checking import Damage
    from overseg.stages import Report
    from overseg.store.folder import Folder
    from overseg.store.root import Root


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

    What is damaged stays until what is made anew takes its place. Interrupted or killed, it goes on when called again.

    Args:
        path: the store.
        video: where its input is now; None for where it was when the store was made.
        masks: where the given masks are now, of a run with `--generator precomputed`.
        report: is told of every step; None for progress bars on a terminal.

    Raises:
        StoreError: there is no store, its root is damaged, it was not made by `overseg run`, or another process is
            writing it. It is as it was.
        InputError: the video is not there, or is another one. The store is as it was.
    """
    from overseg.build import build_stages, find_weights
    from overseg.data.machine import Machine
    from overseg.maintenance.checking import find_damage
    from overseg.maintenance.mending import Mending
    from overseg.presets import resolve_device
    from overseg.report import TerminalReport
    from overseg.store.places import folder_at
    from overseg.store.root import Root, as_json, differences
    from overseg.store.zarr_store import ZarrStore
    from overseg.video.open import open_video

    folder = folder_at(path)
    if not find_damage(folder):
        return Repaired([], frozenset())
    with ExitStack() as stack:
        report = report or stack.enter_context(closing(TerminalReport()))
        store = stack.enter_context(ZarrStore.reopen_damaged(folder))
        damage, root = find_damage(folder), store.root  # as no other process changes it any more
        if not damage:
            return Repaired([], frozenset())
        settings = _settings_of(root, folder, masks)
        opened = stack.enter_context(
            open_video(
                _told(root, folder, "input", str) if video is None else video,
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
        device = resolve_device(_told(root, folder, "device", str), needs_torch=bool(weights))
        stages = build_stages(settings, Machine(device))
        stack.enter_context(out_of_memory_as_error())
        mending = Mending(opened, stages, store, folder, settings, damage, report)
        return Repaired(damage, mending.complete() if store.final else mending.unfinished())


def _settings_of(root: "Root", store: "Folder", masks: str | Path | None) -> Settings:
    stored: Any = root.identity.get("settings", {})
    chosen = from_stored(Settings, stored) if isinstance(stored, dict) else {}
    if "match_iou" not in chosen or not set(chosen) <= set(Settings.names()):
        raise StoreError(f"{store} was not made by `overseg run`: make it again as it was made")
    weights = _told(root, store, "weights", dict)
    names = {
        setting: weights[stage]["name"]
        for setting, stage in (("weights", "generator"), ("propagator_weights", "propagator"))
        if stage in weights
    }
    given = {"masks": str(masks)} if masks is not None else {}
    return Settings.from_options({**chosen, **names, **given})


def _told(root: "Root", store: "Folder", name: str, kind: type) -> Any:
    """What the store says of how it was made."""
    if not isinstance(told := root.provenance.get(name), kind):
        raise StoreError(f"{store} does not say its {name}, without which it cannot be mended: make it again")
    return told

"""Damage to a store: `overseg.check` finds it, and `overseg.repair` repairs it."""

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overseg.api.arguments import checked_arguments
from overseg.api.shared import identity_of, out_of_memory_as_error, reporting

if TYPE_CHECKING:
    from overseg.data.visit import VisitKey
    from overseg.maintenance.check import Damage
    from overseg.stages import Report
    from overseg.store.result import Result


@dataclass(frozen=True)
class Repaired:
    """What a repair found and did.

    Attributes:
        damage: the damage that it found.
        made_again: the visits that it made again.
    """

    damage: "list[Damage]"
    made_again: "frozenset[VisitKey]"


@checked_arguments
def check(store: "str | Path | Result") -> "list[Damage]":
    """Read all of a store and find every file that is damaged; what `overseg check` does.

    Example:
        >>> overseg.check("cup.zarr")  # nothing is damaged  # doctest: +SKIP
        []

    Args:
        store: a store, or the result in it.

    Returns:
        One entry for each damaged file, which `print` shows as a line.

    Raises:
        StoreError: there is no store, or its root is damaged.
    """
    from overseg.maintenance.check import find_damage
    from overseg.store.places import folder_at

    return find_damage(folder_at(store if isinstance(store, str | Path) else store.path))


@checked_arguments
def repair(
    path: str | Path,
    *,
    video: str | Path | None = None,
    masks: str | Path | None = None,
    report: "Report | None" = None,
) -> "Repaired":
    """Find the damage in a store and make the damaged parts again; what `overseg repair` does.

    Example:
        >>> overseg.repair("cup.zarr").made_again  # doctest: +SKIP

    A damaged visit is made again from the visits around it, and is the same as before. A damaged result is published
    again from the visits. A final store has no visits any more, but its result has all their rows: visits of which
    nothing is lost are taken from it, and the others are made again.

    Damaged files stay until their replacements are complete. If a repair is interrupted or killed, call it again.

    Args:
        path: the store.
        video: where its input is now; None for where it was when the store was made.
        masks: where the masks of a run with `--generator precomputed` are now.
        report: receives the progress; None for progress bars on a terminal.

    Raises:
        StoreError: there is no store, its root is damaged, it was not made by `overseg run`, or another process is
            writing it. The store is unchanged.
        InputError: the video is missing, or is another one. The store is unchanged.
    """
    from overseg.build import build_stages, find_weights
    from overseg.data.machine import Machine
    from overseg.maintenance.check import find_damage
    from overseg.maintenance.original_run import check_same_identity, original_run
    from overseg.maintenance.repair import Repair
    from overseg.presets import resolve_device
    from overseg.store.places import folder_at
    from overseg.store.zarr_store import ZarrStore
    from overseg.video.open import open_chosen

    folder = folder_at(path)
    if not find_damage(folder):
        return Repaired([], frozenset())
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        store = stack.enter_context(ZarrStore.reopen_damaged(folder))
        damage = find_damage(folder)  # again: no other process can change the store now
        if not damage:
            return Repaired([], frozenset())
        run = original_run(store.root, folder, video=video, masks=masks)
        settings = run.settings
        opened = stack.enter_context(open_chosen(run.input, asdict(settings), report))
        weights = find_weights(settings, report=report)
        device = resolve_device(run.device, needs_torch=bool(weights))
        identity = identity_of(opened.info, settings, weights, device=device, masks=settings.masks)
        check_same_identity(store.root, folder, identity, opened.info.size)
        stages = build_stages(settings, Machine(device))
        stack.enter_context(out_of_memory_as_error())
        return Repaired(damage, Repair(opened, stages, store, folder, settings, damage, report).run())

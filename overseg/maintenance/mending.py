"""What is damaged in a store that is held is made anew in its place."""

from dataclasses import asdict, dataclass
from typing import Any

from overseg.build import build_associator
from overseg.data.settings import Settings
from overseg.data.shot import Shot
from overseg.data.visit import VisitKey
from overseg.engine.sweep.schedule import full_round
from overseg.errors import StoreError
from overseg.maintenance.checking import Damage, damaged_visits
from overseg.maintenance.remake import keep_whole, made_before, make_again, publish_again, publish_same
from overseg.maintenance.salvage import Salvage
from overseg.stages import Report, Stages, Video
from overseg.store.folder import Folder
from overseg.store.root import PARTS, RESULTS, read_result_attributes
from overseg.store.zarr_store import ZarrStore


@dataclass(frozen=True)
class Mending:
    """All that is needed to mend a store of `overseg run`.

    Attributes:
        video, stages, settings: those of the run.
        store, folder: the store, as `reopen_damaged` opened it, and where it lies.
        damage: all there is in it.
        report: is told of every step.
    """

    video: Video
    stages: Stages
    store: ZarrStore
    folder: Folder
    settings: Settings
    damage: list[Damage]
    report: Report

    def complete(self) -> frozenset[VisitKey]:
        """Of a complete run's result, make again the visits of which damaged files hold something; says which.

        The store may hold visits already, of a repair that was interrupted.

        Raises:
            StoreError: what is whole does not fit together.
        """
        shots, step, summary = self._shots(), self.settings.step, self._summary()
        left = damaged_visits(self.folder / PARTS, self.store.root.size)
        self.store.begin_mending(one.visit for one in left if one.visit is not None)
        if summary is not None:  # else nobody knows what is whole
            files = {one.name for one in self.damage}
            salvage = Salvage(self._result, files, size=self.store.root.size, n_frames=len(self.video))
            keep_whole(self.store, salvage, shots, step)
        lost = full_round(shots, step) - self.store.committed()
        self._make(lost)
        self._publish(summary)
        return lost

    def unfinished(self) -> frozenset[VisitKey]:
        """Make again the visits that are damaged, and those from before them that are gone; says which. Then publish
        a result anew that is damaged.

        Raises:
            StoreError: that result was made of visits of which nobody knows any more.
        """
        shots, step = self._shots(), self.settings.step
        damaged = {one.visit for one in self.damage if one.visit is not None}
        made = made_before(self.store.committed(), shots, step, self.stages)
        is_result_damaged = any(one.visit is None for one in self.damage)
        summary = self._summary() if is_result_damaged else None
        n_before = None if summary is None else summary.get("n_visits")
        if isinstance(n_before, int) and n_before > len(made):
            raise StoreError(
                f"of {n_before} visits of which the damaged result of {self.folder} was made, "
                f"{n_before - len(made)} are gone: run the run's own command again, which makes them and it anew"
            )
        self.store.discard(damaged - made)  # which no run makes
        self.store.begin_mending(damaged & made)
        lost = made - self.store.committed()
        self._make(lost)
        if is_result_damaged:
            self._publish(summary if n_before == len(made) else None)
        return lost

    @property
    def _result(self) -> Folder:
        return self.folder / RESULTS / str(self.store.root.result)

    def _shots(self) -> list[Shot]:
        shots = self.store.shots() or []
        frames = [frame for shot in shots for frame in range(shot.start, min(shot.stop, len(self.video)) + 1)]
        if frames != list(range(len(self.video))):
            raise StoreError(f"the shots that {self.folder} tells of are not its video's: make it again")
        return shots

    def _summary(self) -> dict[str, Any] | None:
        """What the damaged result told of itself; None where that is lost."""
        if self.store.root.result is None:
            return None
        try:
            summary = read_result_attributes(self._result)["summary"]
        except StoreError:
            return None
        return summary if isinstance(summary.get("relinked", {}), dict) else None

    def _make(self, lost: frozenset[VisitKey]) -> None:
        make_again(self.video, self.stages, self.store, lost, settings=self.settings, report=self.report)

    def _publish(self, summary: dict[str, Any] | None) -> None:
        """Publish the result of all visits: the very one that told this; the run's own where that is not known."""
        if summary is None:
            publish_again(self.video, self.stages, self.store, settings=self.settings, report=self.report)
            return
        linked_with = Settings.from_options({**asdict(self.settings), **summary.get("relinked", {})})
        publish_same(self.video, build_associator(linked_with), self.store, summary, self.report)

"""Repairing a store: damaged visits are made again, and a damaged result is published again."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from overseg.build import build_associator
from overseg.data.budget import Budget
from overseg.data.settings import Settings
from overseg.data.shot import Shot
from overseg.data.visit import VisitKey
from overseg.engine.sweep.crossing import Crossing
from overseg.engine.sweep.outcome import Outcome, publish_run
from overseg.engine.sweep.schedule import full_round
from overseg.engine.sweep.spending import Spending
from overseg.engine.tracks.publish import Summary, Timeline, publish_visits
from overseg.errors import StoreError
from overseg.maintenance.check import Damage, damaged_visits
from overseg.maintenance.made_visits import in_making_order, surely_made
from overseg.maintenance.salvage import Salvage
from overseg.maintenance.unfolding import whole_visits
from overseg.stages import Report, Stages, Video
from overseg.store.folder import Folder
from overseg.store.root import PARTS, RESULTS, read_result_attributes
from overseg.store.zarr_store import ZarrStore


@dataclass(frozen=True)
class Repair:
    """The repair of one store of `overseg run`.

    Attributes:
        video, stages, settings: those of the run.
        store, folder: the store, as `reopen_damaged` opened it, and its folder.
        damage: all damage in it.
        report: receives the progress.
    """

    video: Video
    stages: Stages
    store: ZarrStore
    folder: Folder
    settings: Settings
    damage: list[Damage]
    report: Report

    def run(self) -> frozenset[VisitKey]:
        """Repair the store; return the visits that were made again.

        Raises:
            StoreError: the parts that are whole do not fit together, or visits are missing that are not known.
        """
        return self._repair_final() if self.store.final else self._repair_unfinished()

    def _repair_final(self) -> frozenset[VisitKey]:
        """Make again the visits that had rows in damaged files of a final result, and publish it again.

        The store may hold visits already, from a repair that was interrupted.
        """
        shots, step, summary = self._shots(), self.settings.step, self._summary()
        left = damaged_visits(self.folder / PARTS, self.store.root.size)
        self.store.begin_repair(one.visit for one in left if one.visit is not None)
        if summary is not None:  # without it, the checksums of the result's files are lost too
            files = {one.name for one in self.damage}
            salvage = Salvage(self._result, files, size=self.store.root.size, n_frames=len(self.video))
            self._commit_whole_visits(salvage, shots)
        lost = full_round(shots, step, stretch=self.settings.stretch) - self.store.committed()
        self._make(lost)
        self._publish(summary)
        return lost

    def _repair_unfinished(self) -> frozenset[VisitKey]:
        """Make again the damaged visits, and missing ones that were made before others; publish a damaged result."""
        shots, step = self._shots(), self.settings.step
        damaged = {one.visit for one in self.damage if one.visit is not None}
        made = surely_made(self.store.committed(), shots, step, self.stages, stretch=self.settings.stretch)
        is_result_damaged = any(one.visit is None for one in self.damage)
        summary = self._summary() if is_result_damaged else None
        n_before = None if summary is None else summary.get("n_visits")
        if isinstance(n_before, int) and n_before > len(made):
            raise StoreError(
                f"the damaged result of {self.folder} was made of {n_before} visits, of which "
                f"{n_before - len(made)} are missing: run the original command again, which makes them and the result"
            )
        self.store.discard(damaged - made)  # no run makes these
        self.store.begin_repair(damaged & made)
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
            raise StoreError(f"the shots in {self.folder} do not fit its video: make it again")
        return shots

    def _summary(self) -> dict[str, Any] | None:
        """The summary of the damaged result; None if it is lost."""
        if self.store.root.result is None:
            return None
        try:
            summary = read_result_attributes(self._result)["summary"]
        except StoreError:
            return None
        return summary if isinstance(summary.get("relinked", {}), dict) else None

    def _commit_whole_visits(self, salvage: Salvage, shots: list[Shot]) -> None:
        """Commit the visits of which the damaged result has lost nothing, unless the store has them."""
        committed = self.store.committed()
        for visit in whole_visits(salvage, shots, self.settings.step, stretch=self.settings.stretch):
            if visit.key not in committed:
                self.store.commit(visit)

    def _make(self, lost: Iterable[VisitKey]) -> None:
        """Make visits again. The visits that each starts from are in the store, or made before it."""
        crossing = Crossing(
            self.video,
            self.stages,
            self.store,
            max_missed=self.settings.max_missed,
            max_frontier=self.settings.max_frontier,
        )
        in_order = in_making_order(lost)
        for done, key in enumerate(in_order):
            self.report.progress("repair", done, len(in_order))
            crossing.make(key)
        self.report.progress("repair", len(in_order), len(in_order))

    def _publish(self, summary: dict[str, Any] | None) -> None:
        """Publish the result of all visits: the same as the damaged one, whose summary this is, or else a run's."""
        if summary is None:
            self._publish_as_run()
            return
        linked_with = Settings.from_options({**asdict(self.settings), **summary.get("relinked", {})})
        publish_visits(
            self.store,
            build_associator(linked_with),
            Timeline(self.video.timestamps_s, self.store.shots() or []),
            summarize=lambda resolution, frames: Summary(summary, final=self.store.final),
            report=self.report,
        )

    def _publish_as_run(self) -> None:
        """Publish what a run publishes of these visits. The reason for which it stopped is lost."""
        shots = self.store.shots() or []
        left = full_round(shots, self.settings.step, stretch=self.settings.stretch) - self.store.committed()
        n_frames, size = len(self.video), self.video.info.size
        spending = Spending(self.store, self.stages, Budget(), n_frames=n_frames, size=size, since=time.monotonic())
        limit = "that is not known any more" if left else None
        outcome = Outcome(limit=limit, visits_left=left, spent=spending.spent())
        publish_run(self.video, shots, self.stages.associator, self.store, outcome, self.report)

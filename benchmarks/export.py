"""Measures the export of half a million masks to COCO, on one core and in bounded memory.

    python benchmarks/export.py [--masks 500000] [--formats coco youtube-vis …] [--json]

Makes a store of random ellipses on frames of a photograph's size, 500 on each frame, and exports it in its own process
on one core. Prints seconds, masks per second, the size of the output, and the peak resident memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.data.video_info import VideoInfo
from overseg.interchange.imported import Imported, imported_masks
from overseg.interchange.importing import fill
from overseg.store.zarr_store import ZarrStore

SIZE = (480, 854)
MASKS_A_FRAME = 500
SHAPES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=int, default=500_000)
    parser.add_argument("--formats", nargs="+", default=["coco"])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "ellipses.zarr")
        n_frames = max(1, args.masks // MASKS_A_FRAME)
        _make_store(store, n_frames)
        rows = [_measure(store, Path(folder), name, n_frames * MASKS_A_FRAME) for name in args.formats]
    if args.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(
            f"{row['format']:<14} {row['masks']:>8} masks {row['seconds']:>7.1f} s {row['masks_per_s']:>8.0f} a second "
            f"{row['written_mib']:>8.1f} MiB written {row['peak_mib']:>7.1f} MiB of memory"
        )


def _make_store(path: Path, n_frames: int) -> None:
    info = VideoInfo("ellipses", "0" * 64, n_frames, *SIZE, 25.0)
    identity = {"video": {k: v for k, v in vars(info).items() if k != "name"}, "settings": {}}
    imported = Imported(size=SIZE, n_frames=n_frames, frames=_frames(n_frames), fps=25.0, part_of={})
    provenance = {"input": "ellipses.mp4"}
    with ZarrStore.create_or_resume(path, identity=identity, provenance=provenance, size=SIZE) as store:
        fill(store, imported, info)


def _frames(n_frames: int) -> Iterator[TrackMasks]:
    """Every object keeps its ellipse, and moves by one place of the list per frame."""
    counts = _ellipses()
    ids = np.arange(MASKS_A_FRAME, dtype=np.int64)
    for frame in range(n_frames):
        rows = (ids * 7 + frame) % SHAPES
        yield imported_masks(Rles(SIZE, tuple(counts[row] for row in rows.tolist())), ids + frame // 50 * MASKS_A_FRAME)


def _ellipses() -> list[bytes]:
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    polygons = []
    for _ in range(SHAPES):
        centre, radii = rng.uniform((80, 80), (774, 400)), rng.uniform(6, 80, 2)
        points = centre + radii * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        polygons.append((points + rng.normal(0, 1, points.shape)).ravel().tolist())
    return [coco_mask.frPyObjects([polygon], *SIZE)[0]["counts"] for polygon in polygons]


def _measure(store: Path, folder: Path, name: str, n_masks: int) -> dict[str, float | int | str]:
    destination = folder / f"out-{name}"
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "overseg",
            "export",
            store,
            destination,
            "--format",
            name,
            "--frames",
            "none",
            "--quiet",
        ],
        preexec_fn=lambda: os.sched_setaffinity(0, {0}),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"overseg export --format {name} failed with status {status}")
    written = sum(path.stat().st_size for path in destination.rglob("*") if path.is_file())
    return {
        "format": name,
        "masks": n_masks,
        "seconds": round(seconds, 1),
        "masks_per_s": round(n_masks / seconds),
        "written_mib": round(written / 2**20, 1),
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
    }


if __name__ == "__main__":
    main()

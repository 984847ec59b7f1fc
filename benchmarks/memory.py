"""Peak memory of a run does not grow with the video.

    python benchmarks/memory.py [--short 500] [--long 5000] [--json]

Makes two videos of the same content, a scene that repeats, over-segments both without weights (hierarchy and flow),
and prints the peak resident memory of each run and their ratio.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from skimage import data

from overseg.output.video_writer import VideoWriter

HEIGHT, WIDTH = 120, 160
PERIOD = 100  # frames after which the camera is back where it began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", type=int, default=500)
    parser.add_argument("--long", type=int, default=5000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = [_measure(n_frames) for n_frames in (args.short, args.long)]
    ratio = rows[1]["peak_mib"] / rows[0]["peak_mib"]
    if args.json:
        print(json.dumps({"runs": rows, "ratio": round(ratio, 3)}))
        return
    for row in rows:
        print(f"{row['frames']:>7} frames {row['seconds']:>8.1f} s {row['peak_mib']:>8.1f} MiB {row['masks']:>9} masks")
    print(f"ratio {ratio:.3f}")


def _measure(n_frames: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        video, store = Path(folder, "pan.mp4"), Path(folder, "pan.zarr")
        _write_pan(video, n_frames)
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "overseg", "run", video, store, "--preset", "preview", "--quiet"]
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        if status:
            raise SystemExit(f"overseg run failed on {n_frames} frames with status {status}")
        facts = json.loads(subprocess.check_output([sys.executable, "-m", "overseg", "info", store, "--json"]))
    return {
        "frames": n_frames,
        "seconds": round(seconds, 1),
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
        "masks": facts["masks"],
        "tracks": facts["tracks"],
    }


def _write_pan(path: Path, n_frames: int) -> None:
    """A camera that circles over a photograph."""
    photograph = data.astronaut()
    with VideoWriter(path, 25, (HEIGHT, WIDTH)) as writer:
        for frame in range(n_frames):
            angle = 2 * np.pi * frame / PERIOD
            top, left = round(80 + 60 * np.sin(angle)), round(160 + 80 * np.cos(angle))
            writer.write(photograph[top : top + HEIGHT, left : left + WIDTH])


if __name__ == "__main__":
    main()

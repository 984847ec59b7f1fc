"""Measures that the peak memory of a run does not grow with the video.

    python benchmarks/memory.py [--track] [--short 500] [--long 5000] [--json]

Makes a short and a long video of one repeated scene, over-segments both without weights (hierarchy and flow), and
prints the peak resident memory of each run and their ratio. With --track, the scene is a folder of images without
numbers in their names, and `overseg track` tracks a mask through it and writes all its outputs.
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
from skimage import data

from overseg.output.picture_file import write_picture
from overseg.output.video_writer import VideoWriter

HEIGHT, WIDTH = 120, 160
PERIOD = 100  # frames after which the camera is back at its start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--track", action="store_true")
    parser.add_argument("--short", type=int, default=500)
    parser.add_argument("--long", type=int, default=5000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = [_measure(n_frames, is_track=args.track) for n_frames in (args.short, args.long)]
    ratio = rows[1]["peak_mib"] / rows[0]["peak_mib"]
    if args.json:
        print(json.dumps({"runs": rows, "ratio": round(ratio, 3)}))
        return
    for row in rows:
        print(f"{row['frames']:>7} frames {row['seconds']:>8.1f} s {row['peak_mib']:>8.1f} MiB {row['masks']:>9} masks")
    print(f"ratio {ratio:.3f}")


def _measure(n_frames: int, *, is_track: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        video, store = Path(folder, "pan.mp4"), Path(folder, "pan.zarr")
        if is_track:
            video = video.with_suffix("")
            words = ["track", video, store, *_write_images(video, n_frames), "--tracking-video"]
        else:
            _write_pan(video, n_frames)
            words = ["run", video, store, "--preset", "no-weights"]
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "overseg", *words, "--quiet"])
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        if status:
            raise SystemExit(f"overseg {words[0]} failed on {n_frames} frames with status {status}")
        facts = json.loads(subprocess.check_output([sys.executable, "-m", "overseg", "info", store, "--json"]))
    return {
        "frames": n_frames,
        "seconds": round(seconds, 1),
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
        "masks": facts["masks"],
        "tracks": facts["tracks"],
    }


def _write_pan(path: Path, n_frames: int) -> None:
    with VideoWriter(path, 25, (HEIGHT, WIDTH)) as writer:
        for picture in _pictures(n_frames):
            writer.write(picture)


def _write_images(folder: Path, n_frames: int) -> list[str]:
    """Write the same as images; return the options that prompt the tracked object."""
    folder.mkdir()
    for frame, picture in enumerate(_pictures(n_frames, of_circle=0.15)):  # nothing of it leaves the picture
        name = f"{frame:06d}".translate(str.maketrans("0123456789", "abcdefghij"))
        write_picture(folder / f"{name}.jpg", picture)
    mask = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    mask[30:90, 40:110] = 255
    write_picture(folder.with_name("mask.png"), mask)
    return ["--mask", f"part:{folder.with_name('mask.png')}", "--propagator", "flow", "--step", "0"]


def _pictures(n_frames: int, *, of_circle: float = 1.0) -> Iterator[np.ndarray]:
    """A camera that circles over a photograph; uint8 [HEIGHT, WIDTH, 3]."""
    photograph = data.astronaut()
    for frame in range(n_frames):
        angle = 2 * np.pi * frame / PERIOD
        top, left = round(80 + of_circle * 60 * np.sin(angle)), round(160 + of_circle * 80 * np.cos(angle))
        yield photograph[top : top + HEIGHT, left : left + WIDTH]


if __name__ == "__main__":
    main()

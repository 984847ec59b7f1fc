"""Measures a long run without models from another process: memory, open files and disk over time.

    python benchmarks/soak.py [--frames 20000] [--height 64] [--width 96] [--step 5] [--every 5]

Makes a video of textured shapes that move back and forth, with a cut every 500 frames, runs `overseg run --preset
no-weights` on it in its own process (regions of similar colour, propagated by optical flow), and reads /proc meanwhile.
Prints a table of twenty moments: seconds since the start, visits committed, resident memory, its peak so far, open
files, and the store's bytes and files. Exits with 1 if the run fails.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

import overseg

_SHOT = 500  # frames
_ROWS = 20


class Moment(NamedTuple):
    """The measurements at one moment."""

    seconds: float
    visits: int
    resident_mb: float
    peak_mb: float
    open_files: int
    store_mb: float
    store_files: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--height", type=int, default=64)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--step", type=int, default=5)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two measurements")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video, store = Path(folder, "long.mp4"), Path(folder, "out.zarr")
        _write_video(video, args.frames, (args.height, args.width))
        command = [sys.executable, "-m", "overseg", "run", video, store, "--preset", "no-weights", "--quiet"]
        process = subprocess.Popen([*command, "--step", str(args.step)])
        moments = list(_watch(process, store, args.every))
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.returncode:
            return 1
        print(f"{args.frames} frames of {args.width}x{args.height} px, {video.stat().st_size / 1e6:.0f} MB of video")
        _print(moments)
        result = overseg.open(store)
        print(f"{len(result)} frames, {len(result.tracks)} tracks, {int(result.frames.n_masks.sum())} masks, ", end="")
        print(f"{result.summary['n_shots']} shots; {spent.ru_utime + spent.ru_stime:.0f} s of CPU")
    return 0


def _write_video(path: Path, n_frames: int, size: tuple[int, int]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "18"})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for number in range(n_frames):
            picture = av.VideoFrame.from_ndarray(_picture(number, size), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _picture(number: int, size: tuple[int, int]) -> np.ndarray:
    """Three discs on a background, each with its own colours and path; a cut changes all of them."""
    shot, at = divmod(number, _SHOT)
    height, width = size
    rgb = _texture(100 * shot, size)
    for disc in range(3):
        dice = np.random.default_rng([shot, disc])
        phase, speed = dice.uniform(0, 2 * np.pi), dice.uniform(0.02, 0.06)
        x = round(width * (0.5 + 0.35 * np.sin(phase + speed * at)))
        y = round(height * (0.25 + 0.25 * disc))
        mask = cv2.circle(np.zeros(size, np.uint8), (x, y), height // 7, 1, -1).astype(bool)
        rgb[mask] = np.roll(_texture(100 * shot + disc + 1, size), (0, x), axis=(0, 1))[mask]
    return rgb


def _texture(seed: int, size: tuple[int, int]) -> np.ndarray:
    dice = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(dice.standard_normal((*size, 3)).astype(np.float32), (0, 0), 2)
    return np.clip(dice.integers(40, 216, 3) + 100 * noise, 0, 255).astype(np.uint8)


def _watch(process: subprocess.Popen[bytes], store: Path, every_s: float) -> Iterator[Moment]:
    began = time.monotonic()
    while True:
        try:
            process.wait(every_s)
            return
        except subprocess.TimeoutExpired:
            pass
        try:
            yield _look(process.pid, store, time.monotonic() - began)
        except (FileNotFoundError, ProcessLookupError):  # the process, or a file of the store, disappeared meanwhile
            continue


def _look(pid: int, store: Path, seconds: float) -> Moment:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    sizes = [os.stat(Path(folder, name)).st_size for folder, _, names in os.walk(store) for name in names]
    parts = store / "parts"
    return Moment(
        seconds=seconds,
        visits=len(os.listdir(parts)) if parts.exists() else 0,
        resident_mb=int(status["VmRSS"].split()[0]) / 1024,
        peak_mb=int(status["VmHWM"].split()[0]) / 1024,
        open_files=len(os.listdir(f"/proc/{pid}/fd")),
        store_mb=sum(sizes) / 1e6,
        store_files=len(sizes),
    )


def _print(moments: list[Moment]) -> None:
    print("| s | visits | resident MB | peak MB | open files | store MB | store files |\n|---|---|---|---|---|---|---|")
    for at in np.unique(np.linspace(0, len(moments) - 1, _ROWS).round().astype(int)):
        m = moments[at]
        print(
            f"| {m.seconds:.0f} | {m.visits} | {m.resident_mb:.0f} | {m.peak_mb:.0f} | {m.open_files} | "
            f"{m.store_mb:.1f} | {m.store_files} |"
        )


if __name__ == "__main__":
    sys.exit(main())

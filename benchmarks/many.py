"""Checks that many workers give the results of single runs, however the work is shared out and whoever is killed.

    python benchmarks/many.py clips OUT VIDEO... [--frames 6]
    python benchmarks/many.py ways FOLDER [--kills 20] [--every 4] [--only WORD] [overseg run's options]
    python benchmarks/many.py parts VIDEO... [overseg run's options]

`clips` makes 28 short clips of videos, as folders of pictures, and two damaged videos. `ways` makes them by single
runs, and then by one worker and by two, in three shards side by side, into a bucket of a local S3 server, on a local
Ray, on Ray into the bucket, and by two workers of which 20 are killed by SIGKILL at random moments. `parts` makes each
video by a single run, by one, two and four workers, and by four of which two are killed. All exit with 1 if a store has
another content hash than that of a single run, or if other videos failed than the damaged ones.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

import overseg
from overseg.batch.records import Records
from overseg.video.open import open_video

SIDE_PX = 128
N_CLIPS, DAMAGED = 28, ("damaged0", "damaged1")
N_SHARDS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    clips = commands.add_parser("clips")
    clips.add_argument("out", type=Path)
    clips.add_argument("videos", nargs="+", type=Path)
    clips.add_argument("--frames", type=int, default=6)
    clips.set_defaults(call=make_clips)
    ways = commands.add_parser("ways")
    ways.add_argument("folder", type=Path)
    ways.add_argument("--kills", type=int, default=20)
    ways.add_argument("--every", type=float, default=4.0, help="mean seconds from one kill to the next")
    ways.add_argument("--only", default="", help="only the ways with this word")
    ways.set_defaults(call=compare_ways)
    parts = commands.add_parser("parts")
    parts.add_argument("videos", nargs="+", type=Path)
    parts.add_argument("--every", type=float, default=4.0, help="mean seconds from one kill to the next")
    parts.set_defaults(call=compare_parts)
    args, options = parser.parse_known_args()
    return args.call(args, options)


def changes_of(options: Sequence[str]) -> dict[str, Any]:
    """Options such as `--step 2` as settings."""
    pairs = zip(options[::2], options[1::2], strict=True)
    return {name.removeprefix("--").replace("-", "_"): int(v) if v.isdecimal() else v for name, v in pairs}


# ------------------------------------------------------------------ clips


def make_clips(args: argparse.Namespace, options: Sequence[str]) -> int:
    """Write short pieces of videos in turn, and two videos that lack their second half."""
    sources = [open_video(path, resize=SIDE_PX) for path in args.videos]
    for number in range(N_CLIPS):
        source = sources[number % len(sources)]
        first = number * args.frames // len(sources) % (len(source) - args.frames)
        folder = args.out / f"clip{number:02}"
        folder.mkdir(parents=True)
        for index in range(args.frames):
            Image.fromarray(source[first + index].rgb).save(folder / f"{index:03}.png")
    for number, name in enumerate(DAMAGED):
        (args.out / f"{name}.mp4").write_bytes(args.videos[0].read_bytes()[: 2000 + number])
    return 0


# ------------------------------------------------------------------- kills


class Killing:
    """A report that knows the workers, and a thread that kills some at random moments, once they have made a visit."""

    def __init__(self, n: int = 0, every_s: float = 1.0) -> None:
        self._left, self._every_s, self._moments = n, every_s, random.Random(0)
        self._alive: set[int] = set()
        self._ended = threading.Event()
        self.n_killed = 0

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        pass

    def event(self, name: str, **facts: Any) -> None:
        if name == "visit" and "pid" in facts:  # of a worker
            self._alive.add(facts["pid"])

    def __enter__(self) -> "Killing":
        threading.Thread(target=self._kill, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _kill(self) -> None:
        while self._left and not self._ended.wait(self._moments.expovariate(1 / self._every_s)):
            pid = self._moments.choice(sorted(self._alive) or [0])
            self._alive.discard(pid)
            if pid and self._is_alive(pid):
                os.kill(pid, signal.SIGKILL)
                self._left, self.n_killed = self._left - 1, self.n_killed + 1

    @staticmethod
    def _is_alive(pid: int) -> bool:
        return Path(f"/proc/{pid}").exists()


# -------------------------------------------------------------------- ways


def compare_ways(args: argparse.Namespace, options: Sequence[str]) -> int:
    """Compare the stores that each way makes with those of single runs."""
    changes = changes_of(options)
    with tempfile.TemporaryDirectory() as folder, local_bucket() as bucket:
        clips = sorted(path for path in args.folder.iterdir() if path.is_dir())
        expected = {clip.name: single(clip, folder, changes) for clip in clips}
        two = {"workers": 2, "devices": ["cpu"]}
        ways: dict[str, tuple[str, Callable[[str, Killing], Any], int]] = {
            "one worker": (folder, many(args.folder, {"devices": ["cpu"]}, changes), 0),
            "two workers": (folder, many(args.folder, two, changes), 0),
            "three shards side by side": (folder, lambda out, _: shards(args.folder, out, options), 0),
            "two workers, into a bucket": (bucket, many(args.folder, two, changes), 0),
            "two workers on Ray": (folder, many(args.folder, {"workers": 2, "on": "ray"}, changes), 0),
            "two workers on Ray, into a bucket": (bucket, many(args.folder, {"workers": 2, "on": "ray"}, changes), 0),
            "two workers, killed": (folder, many(args.folder, two, changes), args.kills),
        }
        print("| way | stores as of a single run | failed | workers killed | s |\n|---|---|---|---|---|")
        chosen = {name: way for name, way in ways.items() if args.only in name}
        return max(compared(name, *way, args.every, expected, DAMAGED) for name, way in chosen.items())


def single(video: Path, folder: str, changes: dict[str, Any], report: "Killing | None" = None) -> str:
    """The content hash of a video's result by itself."""
    store = f"{folder}/single/{video.stem}.zarr"
    return overseg.run(video, store, device="cpu", report=report or Killing(), **changes).content_hash()


def many(video: Path, how: dict[str, Any], changes: dict[str, Any]) -> Callable[[str, Killing], Any]:
    return lambda out, report: overseg.run_many([video], out, report=report, **how, **changes)


def shards(videos: Path, out: str, options: Sequence[str]) -> None:
    """Three commands at once, as jobs of a queue would be."""
    command = [sys.executable, "-m", "overseg", "batch", videos, "--out", out, "--devices", "cpu", "--quiet", *options]
    jobs = [subprocess.Popen([*command, "--shard", f"{index}/{N_SHARDS}"]) for index in range(N_SHARDS)]
    for job in jobs:
        job.wait()


def compared(
    name: str,
    place: str,
    make: Callable[[str, Killing], Any],
    n_kills: int,
    every_s: float,
    expected: dict[str, str],
    damaged: Sequence[str],
) -> int:
    """Print a line of the table; 1 if anything differs."""
    out, began = f"{place}/{name.replace(' ', '-')}", time.monotonic()
    with Killing(n_kills, every_s) as report:
        make(out, report)
    took_s = time.monotonic() - began
    n_equal = sum(overseg.open(f"{out}/{one}.zarr").content_hash() == known for one, known in expected.items())
    failed = sorted(Records(out).failures())
    print(f"| {name} | {n_equal} of {len(expected)} | {len(failed)} | {report.n_killed} | {took_s:.0f} |", flush=True)
    return int(n_equal < len(expected) or failed != sorted(damaged) or report.n_killed != n_kills)


@contextmanager
def local_bucket() -> Iterator[str]:
    """The address of a folder in a bucket of a local S3 server (moto), which the environment leads to."""
    import boto3

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
            client.meta.events.register("needs-retry.*", lambda **_: None)
            while True:
                try:
                    client.create_bucket(Bucket="clips")
                    break
                except client.exceptions.ClientError:
                    raise
                except Exception:
                    time.sleep(0.2)  # until the server is there
            yield "s3://clips/many"
        finally:
            server.kill()


# ------------------------------------------------------------------- parts


def compare_parts(args: argparse.Namespace, options: Sequence[str]) -> int:
    """Compare videos whose parts several workers make with single runs."""
    changes = changes_of(options)
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        print("| way | stores as of a single run | failed | workers killed | s |\n|---|---|---|---|---|")
        for video in args.videos:
            expected = {video.stem: single(video, folder, changes)}
            for n, n_kills in ((1, 0), (2, 0), (4, 0), (4, 2)):
                make = many(video, {"workers": n, "devices": ["cpu"]}, changes)
                name = f"{video.stem} by {n} workers" + (", killed" if n_kills else "")
                worst = max(worst, compared(name, folder, make, n_kills, args.every, expected, ()))
    return worst


if __name__ == "__main__":
    sys.exit(main())

"""Measures and simulates many videos on many workers.

    python benchmarks/scale.py clips OUT VIDEO... [--frames 12]
    python benchmarks/scale.py kills FOLDER [--workers 2] [--kills 20] [--on ray] [overseg run's options]
    python benchmarks/scale.py workers FOLDER [overseg run's options]
    python benchmarks/scale.py simulate STORE [--hours 100] [--parts 4] [--speed 1] [--mtbf 24]

`clips` makes 28 short clips of videos, as folders of pictures, and two damaged videos. `kills` kills random workers
with SIGKILL at random moments, and exits with 1 if a store differs from that of a batch of one worker. `workers`
compares two workers of one thread with one worker of two: videos per hour, memory, and the share of the time that
workers were in no visit. `simulate` reads the time of each stage from the store of a finished run and simulates
`--hours` of such video on 1, 8 and 64 workers, `--speed` times as fast as that machine, with stragglers, and with
workers that die every `--mtbf` hours.
"""

import argparse
import heapq
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

import overseg
from overseg.batch.outcome import Outcome, State
from overseg.video.open import open_video

WORKERS = (1, 8, 64)
START_S = 8.0  # of a worker: imports, and weights that are on its disk
N_SEEDS = 20
STRAGGLING = 0.3  # standard deviation of the logarithm of a part's time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    clips = commands.add_parser("clips")
    clips.add_argument("out", type=Path)
    clips.add_argument("videos", nargs="+", type=Path)
    clips.add_argument("--frames", type=int, default=12)
    clips.set_defaults(call=make_clips)
    kills = commands.add_parser("kills")
    kills.add_argument("folder", type=Path)
    kills.add_argument("--workers", type=int, default=2)
    kills.add_argument("--kills", type=int, default=20)
    kills.add_argument("--every", type=float, default=10.0, help="mean seconds from one kill to the next")
    kills.add_argument("--on")
    kills.set_defaults(call=measure_kills)
    workers = commands.add_parser("workers")
    workers.add_argument("folder", type=Path)
    workers.set_defaults(call=measure_workers)
    simulation = commands.add_parser("simulate")
    simulation.add_argument("store")
    simulation.add_argument("--hours", type=float, default=100.0)
    simulation.add_argument("--length", type=float, default=0.25, help="hours of one video")
    simulation.add_argument("--parts", type=int, default=4, help="parts of each video that are made at the same time")
    simulation.add_argument("--speed", type=float, default=1.0)
    simulation.add_argument("--mtbf", type=float, default=24.0)
    simulation.set_defaults(call=print_simulations)
    args, options = parser.parse_known_args()
    return args.call(args, changes_of(options))


def changes_of(options: Sequence[str]) -> dict[str, Any]:
    """Options such as `--step 2` as settings."""
    pairs = zip(options[::2], options[1::2], strict=True)
    return {name.removeprefix("--").replace("-", "_"): int(v) if v.isdecimal() else v for name, v in pairs}


# ------------------------------------------------------------------ clips


def make_clips(args: argparse.Namespace, changes: dict[str, Any]) -> int:
    """Write short pieces of videos in turn, and two videos that lack their second half."""
    sources = [open_video(path, resize=192) for path in args.videos]
    for number in range(28):
        source = sources[number % len(sources)]
        first = number * args.frames // len(sources) % (len(source) - args.frames)
        folder = args.out / f"clip{number:02}"
        folder.mkdir(parents=True)
        for index in range(args.frames):
            Image.fromarray(source[first + index].rgb).save(folder / f"{index:03}.png")
    for number in range(2):
        (args.out / f"damaged{number}.mp4").write_bytes(args.videos[0].read_bytes()[: 2000 + number])
    return 0


# ------------------------------------------------------------------ kills


class Killing:
    """Kills workers that have just told something, at random moments."""

    def __init__(self, n: int, every_s: float) -> None:
        self._left, self._every_s, self._moments = n, every_s, random.Random(0)
        self._next_s = time.monotonic() + self._moments.expovariate(1 / every_s)
        self.n_killed = 0

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        pass

    def event(self, name: str, **facts: Any) -> None:
        if self._left and "pid" in facts and time.monotonic() > self._next_s:
            try:
                os.kill(facts["pid"], signal.SIGKILL)
            except ProcessLookupError:
                return
            self._left, self.n_killed = self._left - 1, self.n_killed + 1
            self._next_s = time.monotonic() + self._moments.expovariate(1 / self._every_s)


def measure_kills(args: argparse.Namespace, changes: dict[str, Any]) -> int:
    """Compare every store of a batch whose workers are killed with that of a batch of one worker."""
    with tempfile.TemporaryDirectory() as folder:
        single = overseg.run_many([args.folder], f"{folder}/single", report=Killing(0, 1), **changes)
        report = Killing(args.kills, args.every)
        devices = [] if args.on else ["cpu"]
        how = {"workers": args.workers, "devices": devices, "on": args.on, "report": report}
        killed = overseg.run_many([args.folder], f"{folder}/killed", **how, **changes)
        found = [_hashes(f"{folder}/{out}", outcomes) for out, outcomes in (("single", single), ("killed", killed))]
    n_equal = sum(found[1].get(name) == content for name, content in found[0].items())
    failed = [{one.name for one in outcomes if one.state is State.FAILED} for outcomes in (single, killed)]
    print(
        f"{report.n_killed} workers killed; {n_equal} of {len(found[0])} stores equal; {failed[0]}, {failed[1]} failed"
    )
    return 0 if n_equal == len(found[0]) and failed[0] == failed[1] else 1


def _hashes(out: str, outcomes: Sequence[Outcome]) -> dict[str, str]:
    done = [one.name for one in outcomes if one.state is State.DONE]
    return {name: overseg.open(f"{out}/{name}.zarr").content_hash() for name in done}


# ---------------------------------------------------------------- workers


class Watching:
    """Notes when each worker was at work on something."""

    def __init__(self) -> None:
        self.at: dict[int, list[float]] = {}

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        pass

    def event(self, name: str, **facts: Any) -> None:
        if name == "visit":
            spent = sum(value for key, value in facts.items() if key.endswith("_s") and key != "store_s")
            self.at.setdefault(facts["pid"], []).extend([time.monotonic(), spent])


def measure_workers(args: argparse.Namespace, changes: dict[str, Any]) -> int:
    """Print videos per hour, memory and idling of two workers with a thread each, and of one with two."""
    for n in (2, 1):
        report, before = Watching(), resource.getrusage(resource.RUSAGE_CHILDREN)
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            outcomes = overseg.run_many([args.folder], folder, workers=n, devices=["cpu"], report=report, **changes)
            took_s = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy_s = sum(sum(told[1::2]) for told in report.at.values())
        first = min(told[0] - told[1] for told in report.at.values())
        last = max(told[-2] for told in report.at.values())
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"{n} workers: {3600 * len(outcomes) / took_s:.0f} videos an hour, {cpu_s / len(outcomes):.1f} CPU s each, "
            f"{after.ru_maxrss / 1024:.0f} MiB at most in a worker, idle between visits "
            f"{1 - busy_s / (n * (last - first)):.0%}",
            flush=True,
        )
    return 0


# --------------------------------------------------------------- simulate


@dataclass(frozen=True)
class Stages:
    """Seconds of each stage for an hour of video, and what is written for it.

    Attributes:
        of_parts: what all parts take together.
        alone: shots and the conclusion, which one worker does.
        n_bytes: size of the result.
        n_visits: in which the parts are committed.
    """

    of_parts: float
    alone: float
    n_bytes: float
    n_visits: float
    by_name: dict[str, float]


def stages_of(store: str, speed: float) -> Stages:
    """What an hour of such video takes on a machine that is `speed` times as fast."""
    result = overseg.open(store)
    hours = len(result) / (result.info.fps or 25.0) / 3600
    by_name = {name: seconds / hours / speed for name, seconds in result.summary["seconds"].items()}
    alone = by_name.pop("conclude")
    n_bytes = sum(path.stat().st_size for path in Path(store).rglob("*") if path.is_file())
    return Stages(
        sum(by_name.values()), alone, n_bytes / hours, result.summary["n_visits"] / hours, by_name | {"conclude": alone}
    )


def print_simulations(args: argparse.Namespace, changes: dict[str, Any]) -> int:
    """Print what a number of hours takes on 1, 8 and 64 workers, and what limits it."""
    stages = stages_of(args.store, args.speed)
    in_order = sorted(stages.by_name.items(), key=lambda one: -one[1])
    shares = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in in_order)
    print(f"an hour of video: {shares}; {stages.n_bytes / 2**20:.0f} MiB of results")
    n_videos = max(1, round(args.hours / args.length))
    for n in WORKERS:
        runs = [simulated(stages, n_videos, args.length, n, args.parts, args.mtbf, seed) for seed in range(N_SEEDS)]
        took_s, lost_s, n_deaths = (sum(column) / N_SEEDS for column in zip(*runs, strict=True))
        ideal_s = n_videos * args.length * (stages.of_parts + stages.alone) / n
        print(
            f"{n:>3} workers: {took_s / 3600:8.1f} h, busy {ideal_s / took_s:.0%} of it; {n_deaths:.0f} deaths cost "
            f"{lost_s / 3600:.2f} h; {stages.n_bytes * args.hours / took_s / 2**20:.2f} MiB/s written by all"
        )
    return 0


def simulated(
    stages: Stages, n_videos: int, length_h: float, n_workers: int, n_parts: int, mtbf_h: float, seed: int
) -> tuple[float, float, int]:
    """Simulate a batch: its duration, the time lost by deaths, in seconds, and the number of deaths.

    A worker takes the next job as soon as it is free, as `overseg.batch.queue` hands them out: whole videos, and of the
    last ones parts, which the conclusion follows. A worker that dies loses half a visit and its start.
    """
    chance = random.Random(seed)
    visit_s = stages.of_parts / stages.n_visits
    part_s, alone_s = stages.of_parts * length_h / n_parts, stages.alone * length_h
    free = [(START_S, worker) for worker in range(n_workers)]
    heapq.heapify(free)
    lost_s, n_deaths, ends = 0.0, 0, [0.0]

    def do(seconds: float, not_before: float = 0.0) -> float:
        nonlocal lost_s, n_deaths
        at, worker = heapq.heappop(free)
        at = max(at, not_before)
        seconds *= chance.lognormvariate(-(STRAGGLING**2) / 2, STRAGGLING)
        until_death = chance.expovariate(1 / (mtbf_h * 3600))
        while until_death < seconds:
            lost = visit_s / 2 + START_S
            seconds, lost_s, n_deaths = seconds + lost, lost_s + lost, n_deaths + 1
            until_death += chance.expovariate(1 / (mtbf_h * 3600))
        heapq.heappush(free, (at + seconds, worker))
        return at + seconds

    for left in range(n_videos, 0, -1):
        if left >= n_workers or n_parts == 1:
            ends.append(do(n_parts * part_s + alone_s))
        else:
            ends.append(do(alone_s, max(do(part_s) for _ in range(n_parts))))
    return max(ends), lost_s, n_deaths


if __name__ == "__main__":
    sys.exit(main())

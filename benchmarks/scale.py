"""Measures and simulates many videos on many workers.

    python benchmarks/scale.py workers FOLDER [overseg run's options]
    python benchmarks/scale.py simulate STORE [--hours 100] [--parts 4] [--speed 1] [--device-speed 1] [--mtbf 24]

`workers` compares two workers of one thread with one worker of two: videos per hour, memory, and the share of the time
between the first and the last visit of a worker in which it had ended one video and not begun the next. `simulate`
reads the time of each stage from the store of a finished run and simulates `--hours` of such video on 1, 8 and 64
workers, with stragglers, and with workers that die every `--mtbf` hours. A worker is `--speed` times as fast as that
machine. With `--device-speed` it has a device of its own, which is so many times as fast where models compute, and
videos are opened and concluded beside it.
"""

import argparse
import heapq
import random
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from many import changes_of

import overseg

WORKERS = (1, 8, 64)
NO_STAGES = {"time_s", "left_s", "store_s"}  # in the facts of a visit
START_S = 8.0  # of a worker: imports, and weights that are on its disk
N_SEEDS = 20
STRAGGLING = 0.3  # standard deviation of the logarithm of a part's time
OF_MODELS = {"generate", "locate"}  # and propagation, where SAM 2 does it


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    workers = commands.add_parser("workers")
    workers.add_argument("folder", type=Path)
    workers.set_defaults(call=measure_workers)
    simulation = commands.add_parser("simulate")
    simulation.add_argument("store")
    simulation.add_argument("--hours", type=float, default=100.0)
    simulation.add_argument("--length", type=float, default=0.25, help="hours of one video")
    simulation.add_argument("--parts", type=int, default=4, help="parts of each video that are made at the same time")
    simulation.add_argument("--speed", type=float, default=1.0)
    simulation.add_argument("--device-speed", type=float)
    simulation.add_argument("--mtbf", type=float, default=24.0)
    simulation.set_defaults(call=print_simulations)
    args, options = parser.parse_known_args()
    return args.call(args, changes_of(options))


# ---------------------------------------------------------------- workers


@dataclass(frozen=True)
class Made:
    """A visit: its video, and when it began and ended, in Unix time."""

    video: str
    began: float
    ended: float


class Watching:
    """Notes when each worker made which visit."""

    def __init__(self) -> None:
        self.of: dict[int, list[Made]] = {}

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        pass

    def event(self, name: str, **facts: Any) -> None:
        if name == "visit":
            spent = sum(
                value for key, value in facts.items() if key.endswith("_s") and key not in ("store_s", "left_s")
            )
            now = time.monotonic()
            self.of.setdefault(facts["pid"], []).append(Made(facts["video"], now - spent, now))

    def idle_between_videos(self) -> float:
        """The share of the time of all workers in which a worker had ended a video and not begun the next."""
        pairs = [pair for made in self.of.values() for pair in pairwise(made)]
        idle_s = sum(max(0.0, after.began - before.ended) for before, after in pairs if before.video != after.video)
        return idle_s / sum(made[-1].ended - made[0].began for made in self.of.values())


def measure_workers(args: argparse.Namespace, changes: dict[str, Any]) -> int:
    """Print videos per hour, memory and idling of two workers with a thread each, and of one with two."""
    for n in (2, 1):
        report, before = Watching(), resource.getrusage(resource.RUSAGE_CHILDREN)
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            outcomes = overseg.run_many([args.folder], folder, workers=n, devices=["cpu"], report=report, **changes)
            took_s = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"{n} workers: {3600 * len(outcomes) / took_s:.0f} videos an hour, {cpu_s / len(outcomes):.1f} CPU s each, "
            f"{after.ru_maxrss / 1024:.0f} MiB at most in a worker; between videos idle "
            f"{report.idle_between_videos():.1%} of the time",
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


def stages_of(store: str, speed: float, device_speed: float) -> Stages:
    """What an hour of such video takes on a machine that is so many times as fast; `device_speed` is of models."""
    result = overseg.open(store)
    hours = len(result) / (result.info.fps or 25.0) / 3600
    of_models = OF_MODELS | ({"propagate"} if result.identity["settings"]["propagator"] == "sam2" else set())
    by_name = {
        name: seconds / hours / (device_speed if name in of_models else speed)
        for name, seconds in result.summary["seconds"].items()
    }
    alone = by_name.pop("conclude")
    n_bytes = sum(path.stat().st_size for path in Path(store).rglob("*") if path.is_file())
    return Stages(
        sum(by_name.values()), alone, n_bytes / hours, result.summary["n_visits"] / hours, by_name | {"conclude": alone}
    )


def print_simulations(args: argparse.Namespace, changes: dict[str, Any]) -> int:
    """Print what a number of hours takes on 1, 8 and 64 workers, and what limits it."""
    has_device = args.device_speed is not None
    stages = stages_of(args.store, args.speed, args.device_speed if has_device else args.speed)
    in_order = sorted(stages.by_name.items(), key=lambda one: -one[1])
    shares = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in in_order)
    print(
        f"an hour of video: {shares}; {stages.n_bytes / 2**20:.0f} MiB of results, {stages.n_visits:.0f} visits of "
        f"{stages.of_parts / stages.n_visits:.3f} s"
    )
    n_videos = max(1, round(args.hours / args.length))
    for n in WORKERS:
        batch = Batch(n_videos, args.length, args.parts, n, args.mtbf, has_device)
        runs = [simulated(stages, batch, seed) for seed in range(N_SEEDS)]
        took_s, lost_s, n_deaths = (sum(column) / N_SEEDS for column in zip(*runs, strict=True))
        hours = n_videos * args.length
        ideal_s = hours * (stages.of_parts + (0 if has_device else stages.alone)) / n
        print(
            f"{n:>3} workers: {took_s / 3600:8.1f} h, busy {ideal_s / took_s:.0%} of it; {n_deaths:.0f} deaths cost "
            f"{lost_s / 3600:.2f} h; all write {stages.n_bytes * hours / took_s / 2**20:.2f} MiB/s, and sync "
            f"{stages.n_visits * hours / took_s:.1f} files/s"
        )
    return 0


@dataclass(frozen=True)
class Batch:
    """Videos of so many hours each, in so many parts; workers, of which each dies once in `mtbf_h` hours."""

    n_videos: int
    length_h: float
    n_parts: int
    n_workers: int
    mtbf_h: float
    has_device: bool


def simulated(stages: Stages, batch: Batch, seed: int) -> tuple[float, float, int]:
    """Simulate a batch: its duration, the time lost by deaths, in seconds, and the number of deaths.

    A worker takes the next job as soon as it is free, as `overseg.batch.queue` hands them out: whole videos, and of the
    last ones parts, which the conclusion follows. A worker that dies loses half a visit and its start.
    """
    chance = random.Random(seed)
    visit_s = stages.of_parts / stages.n_visits
    part_s, alone_s = stages.of_parts * batch.length_h / batch.n_parts, stages.alone * batch.length_h
    free = [(START_S, worker) for worker in range(batch.n_workers)]
    heapq.heapify(free)
    lost_s, n_deaths, ends = 0.0, 0, [0.0]

    def do(seconds: float, not_before: float = 0.0) -> float:
        nonlocal lost_s, n_deaths
        at, worker = heapq.heappop(free)
        at = max(at, not_before)
        seconds *= chance.lognormvariate(-(STRAGGLING**2) / 2, STRAGGLING)
        until_death = chance.expovariate(1 / (batch.mtbf_h * 3600))
        while until_death < seconds:
            lost = visit_s / 2 + START_S
            seconds, lost_s, n_deaths = seconds + lost, lost_s + lost, n_deaths + 1
            until_death += chance.expovariate(1 / (batch.mtbf_h * 3600))
        heapq.heappush(free, (at + seconds, worker))
        return at + seconds

    for left in range(batch.n_videos, 0, -1):
        beside_s = alone_s if batch.has_device else 0.0
        if left >= batch.n_workers or batch.n_parts == 1:
            ends.append(do(batch.n_parts * part_s + alone_s - beside_s) + beside_s)
        else:
            made = max(do(part_s) for _ in range(batch.n_parts))
            ends.append(made + beside_s if batch.has_device else do(alone_s, made))
    return max(ends), lost_s, n_deaths


if __name__ == "__main__":
    sys.exit(main())

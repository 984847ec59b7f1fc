"""Checks a batch on Ray when a node is lost, when the object store is full, and when the driver dies.

    python benchmarks/on_ray.py FOLDER [overseg run's options]

Starts a cluster of two nodes with a core each on this machine, and fills their object stores.

node: after a third of the visits, the second node is killed. The batch ends on the first one.
driver: `overseg batch --on ray=ADDRESS` is killed by SIGKILL after a third of the visits, and started again.

Each has to give the stores of single runs. Prints how many visits were committed when the node or the driver was
killed, and how many of these were made again, which has to be none; exits with 1 if anything is wrong.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import numpy as np
import ray
from many import Killing, changes_of, single
from ray.cluster_utils import Cluster

import overseg

STORE_BYTES = 80 << 20  # of each node, the least that Ray takes
NO_STAGES = {"time_s", "left_s", "store_s"}
Visit = tuple[Any, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    args, options = parser.parse_known_args()
    changes = changes_of(options)
    with tempfile.TemporaryDirectory() as folder:
        clips = sorted(path for path in args.folder.iterdir() if path.is_dir())
        n_visits = Counting()
        expected = {clip.name: single(clip, folder, changes, n_visits) for clip in clips}
        print("| lost | committed then | of these made again | stores as of a single run |\n|---|---|---|---|")
        worst = 0
        for name, lose in (("a node", lose_node), ("the driver", lose_driver)):
            out = f"{folder}/{name.replace(' ', '-')}"
            committed, made_after = lose(args.folder, out, n_visits.n // 3, options)
            n_equal = sum(overseg.open(f"{out}/{one}.zarr").content_hash() == known for one, known in expected.items())
            again = len(committed & made_after)
            print(f"| {name} | {len(committed)} | {again} | {n_equal} of {len(expected)} |", flush=True)
            worst |= again > 0 or n_equal < len(expected) or not committed
    return int(worst)


class Counting(Killing):
    """Counts visits."""

    def __init__(self) -> None:
        super().__init__()
        self.n = 0

    def event(self, name: str, **facts: Any) -> None:
        self.n += name == "visit"


class Watching(Killing):
    """Calls a function after a number of visits, and notes the visits that were begun later."""

    def __init__(self, n: int, then: Callable[[], None]) -> None:
        super().__init__()
        self._n_left, self._then = n, then
        self._since = float("inf")
        self.earlier: set[Visit] = set()
        self.later: set[Visit] = set()

    def event(self, name: str, **facts: Any) -> None:
        if name != "visit":
            return
        self._n_left -= 1
        if self._n_left == 0:
            self._since = time.time()
            self._then()
        (self.later if begun_at(facts) > self._since else self.earlier).add(visit_of(facts))


def begun_at(facts: dict[str, Any]) -> float:
    """Unix time at which a visit was begun."""
    made_s = sum(value for name, value in facts.items() if name.endswith("_s") and name not in NO_STAGES)
    return facts["time_s"] - made_s


def visit_of(facts: dict[str, Any]) -> Visit:
    """What tells a visit from all others."""
    return tuple(facts[name] for name in ("video", "round", "start", "stop", "direction"))


def lose_node(videos: Path, out: str, n_visits: int, options: Sequence[str]) -> tuple[set[Visit], set[Visit]]:
    """Kill a node of a cluster, in the midst of a batch; the visits committed then, and those made later."""
    cluster = started()
    committed: set[Visit] = set()

    def kill() -> None:
        committed.update(committed_in(out))
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    fill = [ray.put(np.zeros(int(0.95 * STORE_BYTES), np.uint8)) for _ in range(2)]
    report = Watching(n_visits, kill)
    overseg.run_many([videos], out, workers=2, on="ray", report=report, **changes_of(options))
    del fill
    ray.shutdown()
    cluster.shutdown()
    return committed | report.earlier, report.later


def lose_driver(videos: Path, out: str, n_visits: int, options: Sequence[str]) -> tuple[set[Visit], set[Visit]]:
    """Kill the command in the midst of a batch and start it again; the visits committed then, and those made later."""
    cluster = started()
    words = [sys.executable, "-m", "overseg", "batch", videos, "--out", out, "--workers", "2", "--quiet", *options]
    words += ["--on", f"ray={cluster.address}"]
    os.mkfifo(f"{out}.log")
    with subprocess.Popen([*words, "--log-json", f"{out}.log"]) as driver, open(f"{out}.log") as log:
        told: set[Visit] = set()
        while len(told) < n_visits:
            told |= visits_in([log.readline()])
        driver.send_signal(signal.SIGKILL)
    committed = committed_in(out)  # the actors may commit more until they end, too
    subprocess.run([*words, "--log-json", f"{out}.again"])
    cluster.shutdown()
    return committed | told, visits_in(Path(f"{out}.again").read_text().splitlines())


def visits_in(log: Sequence[str]) -> set[Visit]:
    """The visits that lines of a log tell of."""
    events = [json.loads(line) for line in log]
    return {visit_of(one) for one in events if one["event"] == "visit"}


def started() -> Cluster:
    """A cluster of two nodes."""
    node = {"num_cpus": 1, "object_store_memory": STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    cluster.wait_for_nodes()
    return cluster


def committed_in(out: str) -> set[Visit]:
    """The visits that the stores of a batch hold."""
    from overseg.store.part import part_key

    found = {(path.parent.parent.stem, part_key(path.name)) for path in Path(out).glob("*.zarr/parts/*")}
    return {(video, key.round, key.start, key.stop, key.direction) for video, key in found if key is not None}


if __name__ == "__main__":
    sys.exit(main())

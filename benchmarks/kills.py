"""Checks that runs killed at random moments end with the same store as an uninterrupted run.

    python benchmarks/kills.py INPUT [--runs 20] [--kills 3] [overseg run's options]

Each run is killed with SIGKILL `--kills` times, at random moments within the duration of an uninterrupted run, and then
run to its end. Prints a line for each store, and exits with 1 if any differs from that of the uninterrupted run.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import overseg


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    args, options = parser.parse_known_args()
    moments = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:

        def command(name: str) -> list[str]:
            return [sys.executable, "-m", "overseg", "run", args.input, f"{folder}/{name}.zarr", "--quiet", *options]

        began = time.monotonic()
        subprocess.run(command("unbroken"), check=True)
        whole_s = time.monotonic() - began
        expected = overseg.open(Path(folder, "unbroken.zarr")).content_hash()
        print(f"unbroken: {whole_s:.1f} s, {expected}", flush=True)
        n_equal = sum(
            _killed_and_resumed(command(f"{run}"), Path(folder, f"{run}.zarr"), args.kills, whole_s, moments)
            == expected
            for run in range(args.runs)
        )
    print(f"{n_equal} of {args.runs} stores equal to the unbroken one")
    return 0 if n_equal == args.runs else 1


def _killed_and_resumed(command: list[str], store: Path, n_kills: int, whole_s: float, moments: random.Random) -> str:
    """The content hash of a store whose run was killed and resumed until it was complete."""
    killed_s = []
    for _ in range(n_kills):
        process = subprocess.Popen(command)
        after_s = moments.uniform(0, whole_s)
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed_s.append(round(after_s, 2))
    subprocess.run(command, check=True)
    found = overseg.open(store).content_hash()
    print(f"killed after {killed_s} s: {found}", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())

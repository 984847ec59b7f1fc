"""Reads damaged inputs of every kind: videos, pictures, masks, tables, settings, stores.

    python benchmarks/fuzz.py [--inputs 100000] [--only "import coco"] [--first 0] [--processes 1]

Makes a valid input of each kind, damages it at random (bytes, and values in JSON, text and archives), and reads it,
each within 60 s and 4 GiB. Every input must be read, or refused in one line. Prints a row for each kind with the
counts, and each finding: another exception, a hang, a crash, exhausted memory, or a file outside the destination. The
kind and the number of an input reproduce it: `--only KIND --first NUMBER --inputs 1`. Exits with 1 after findings.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # the tests have the inputs

import cv2
from fuzzing.loop import Counts, fuzz, summed
from fuzzing.readers import readers
from fuzzing.seed_files import write_seeds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="over all kinds")
    parser.add_argument("--only", action="append", help="one kind; may be given several times")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each kind")
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    cv2.setNumThreads(0)  # processes are forked, and threads do not survive a fork
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=in_memory) as folder, ThreadPoolExecutor(args.processes) as pool:
        places = write_seeds(Path(folder))
        known = {name: reader for name, reader in readers(places).items() if not args.only or name in args.only}
        each = -(-args.inputs // len(known))

        def work(name: str) -> tuple[str, Counts, float]:
            began = time.monotonic()
            counts = fuzz(name, known[name], places[name], range(args.first, args.first + each))
            return name, counts, time.monotonic() - began

        found: dict[str, Counts] = {}
        print("| input | read | refused | findings | ms each |\n|---|---|---|---|---|")
        for name, counts, seconds in pool.map(work, known):
            found[name] = counts
            row = f"| {name} | {counts.read} | {counts.refused} | {len(counts.findings)} |"
            print(f"{row} {1000 * seconds / max(1, counts.n):.1f} |", flush=True)
            for finding, number in counts.findings.items():
                print(f"    {name} {number}: {finding}", file=sys.stderr, flush=True)
    total = summed(found)
    print(f"| all | {total['read']} | {total['refused']} | {total['findings']} | |")
    return int(total["findings"] > 0)


if __name__ == "__main__":
    sys.exit(main())

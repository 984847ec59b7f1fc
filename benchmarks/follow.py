"""Measures the quality and speed of a whole run on a video with known masks.

    python benchmarks/follow.py FRAMES TRUTH [overseg run's options]

FRAMES is a video or a folder of images, TRUTH is what `overseg eval --gt` takes. Runs `overseg run` into a new store
and prints seconds, the store's figures, and those of `overseg eval`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import overseg
from overseg.cli.info import summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames")
    parser.add_argument("truth")
    args, options = parser.parse_known_args()
    overseg_command = [sys.executable, "-m", "overseg"]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "out.zarr"
        began = time.perf_counter()
        subprocess.run([*overseg_command, "run", args.frames, store, *options], check=True)
        seconds = time.perf_counter() - began
        facts = summary(overseg.open(store))
        command = [*overseg_command, "eval", store, "--gt", args.truth, "--json", "--quiet"]
        found = json.loads(subprocess.check_output(command))
    wanted = ("frames", "keyframes", "masks", "tracks", "coverage", "depth", "track_length", "seconds")
    print(json.dumps({name: facts[name] for name in wanted} | {"wall_s": round(seconds, 1)}, indent=1))
    print(json.dumps({"by themselves": found["means"], **found["ground_truth"]}, indent=1))


if __name__ == "__main__":
    main()

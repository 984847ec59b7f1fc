"""How well, and how fast, the whole way follows an object whose masks are known.

    python benchmarks/follow.py FRAMES MASKS [overseg run's options]

FRAMES is a video or folder of images, MASKS a folder with one image per frame, non-zero on the object. Runs
`overseg run` into a new store and prints seconds, the store's figures, and the mean IoU of the best single track.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from natsort import natsorted
from PIL import Image

import overseg
from overseg.cli.info import summary
from overseg.metrics import best_track


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames")
    parser.add_argument("masks", type=Path)
    args, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "out.zarr"
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "overseg", "run", args.frames, store, *options], check=True)
        seconds = time.perf_counter() - began
        result = overseg.open(store)
        masks = natsorted(path for path in args.masks.iterdir() if path.suffix == ".png")[: len(result)]
        truth = {frame: np.asarray(Image.open(path)) > 0 for frame, path in enumerate(masks)}
        found = best_track(result, truth)
    facts = summary(result)
    wanted = ("frames", "keyframes", "masks", "tracks", "coverage", "depth", "track_length", "seconds")
    print(json.dumps({name: facts[name] for name in wanted}, indent=1))
    print(
        json.dumps({"wall_s": round(seconds, 1), "best_track": found.track, "best_track_j": round(found.mean_iou, 4)})
    )


if __name__ == "__main__":
    main()

"""Compares SAM 2 in overseg with upstream: seconds per mask and frame, peak memory, and equality of masks.

    python benchmarks/propagate.py [--weights sam2.1_hiera_tiny.pt] [--clip car.mp4] [--masks 1 8 32 128] [--json]

Both propagate the same masks through the same frames with the same weights, in turns, each time in its own process,
so that its peak memory is its own. Two kinds of work are timed:

- clip: all masks once through the clip, forward. Upstream has all masks in one state, which is its fastest mode.
- tail: the same clip is visited again, as for the frontier of a video: forward, backward, and three rounds of a
  quarter of the masks. Upstream starts a state for each visit; overseg finds its features in the cache.

The folder of frames that upstream reads is written before the timing starts; reading it is timed.

With --repeat, the seconds are the minimum of all turns, and the ratio is the median of the turns' ratios. With --limit,
the last column is the share of the device's rate of matrix products that overseg reaches.

Without --weights, the model is hiera-tiny with seeded random weights; timing and comparison work as with any others.
"""

import argparse
import json
import multiprocessing
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.masklets import PropagatedMasks
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.stages import Clip, Video

_TESTS = Path(__file__).resolve().parent.parent / "tests" / "propagate"  # the tests have the synthetic clips
_TAIL_ROUNDS = 3
_COLUMNS = (
    "way",
    "masks",
    "upstream_s",
    "ours_s",
    "ratio",
    "upstream_mb",
    "ours_mb",
    "worst_iou",
    "ended_apart",
    "of_limit",
)


def main() -> None:
    args = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        weights = args.weights or _random_weights(Path(folder) / "random.pt")
        rows = [_compared(args, weights, way, n_masks) for n_masks in args.masks for way in args.ways]
    if args.json:
        print(json.dumps({"machine": platform.processor() or platform.machine(), "rows": rows}, indent=2))
        return
    print(" ".join(f"{name:>11}" for name in _COLUMNS))
    for row in rows:
        cells = (f"{row[name]:.4g}" if isinstance(row[name], float) else row[name] for name in _COLUMNS)
        print(" ".join(f"{cell:>11}" for cell in cells))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", help="a SAM 2 or SAM 2.1 checkpoint; default: hiera-tiny, random")
    parser.add_argument("--clip", help="a video or a folder of images; default: a camera that moves over a picture")
    parser.add_argument("--frames", type=int, default=6, help="frames of the clip, from its first")
    parser.add_argument("--masks", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--ways", nargs="+", choices=("clip", "tail"), default=["clip", "tail"])
    parser.add_argument("--image-size", type=int, help="side of the model's square input; default: 1024")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--max-batch", type=int, help="masks at once; default: what suits the device")
    parser.add_argument("--repeat", type=int, default=1, help="turns of each")
    parser.add_argument("--limit", action="store_true", help="compare with a GPU's rate of matrix products")
    parser.add_argument("--clock", default="wall", choices=("wall", "cpu"), help="cpu on a machine that is shared")
    parser.add_argument("--compile", action="store_true", help="ours as compiled graphs")
    parser.add_argument("--warm-up", action="store_true", help="one mask, untimed first: a GPU loads kernels")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.limit and args.device == "cpu":
        parser.error("--limit is for a GPU: on a CPU masks are propagated in threads, whose products are not counted")
    return args


def _compared(args: argparse.Namespace, weights: str, way: str, n_masks: int) -> dict[str, Any]:
    """One row of the table: upstream and overseg, each in a new process."""
    from overseg.propagate.sam2.parity import compare

    turns = [
        tuple(_in_own_process(run, args, weights, way, n_masks) for run in (_run_upstream, _run_ours))
        for _ in range(args.repeat)
    ]
    theirs, ours = (min(runs, key=lambda run: run["seconds"]) for runs in zip(*turns, strict=True))
    parities = [compare(mine, their, min_area_px=1) for mine, their in zip(ours["found"], theirs["found"], strict=True)]
    propagated = sum(len(prompts) for prompts, _ in _visits(n_masks, args, way)) * (args.frames - 1)
    return {
        "way": way,
        "masks": n_masks,
        "upstream_s": theirs["seconds"] / propagated,
        "ours_s": ours["seconds"] / propagated,
        "ratio": statistics.median(upstream["seconds"] / mine["seconds"] for upstream, mine in turns),
        "upstream_mb": theirs["peak_mb"],
        "ours_mb": ours["peak_mb"],
        "worst_iou": min(parity.worst_iou for parity in parities),
        "ended_apart": sum(parity.n_ended_apart for parity in parities),
        "of_limit": ours["limit_s"] / ours["seconds"] if args.limit else "",
    }


def _in_own_process(run: Any, *args: Any) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(run, *args).result()


def _run_upstream(args: argparse.Namespace, weights: str, way: str, n_masks: int) -> dict[str, Any]:
    from overseg.propagate.sam2.model import sam2_variant
    from overseg.propagate.sam2.parity import upstream_masks, upstream_predictor, written_frames
    from overseg.weights.state_dict import read_state_dict

    variant = sam2_variant(read_state_dict(Path(weights)), source=weights)
    predictor = upstream_predictor(weights, variant, device=args.device, image_size=args.image_size)
    clip = _clip(args)
    found: list[dict[int, Rles]] = []
    with ExitStack() as stack:
        folder = stack.enter_context(written_frames(clip.video))
        if args.warm_up:
            with _precision(args):
                upstream_masks(predictor, clip, *_visits(1, args, "clip")[0], folder=folder)
        measured = stack.enter_context(_measured(args))
        for prompts, direction in _visits(n_masks, args, way):
            found.append(upstream_masks(predictor, clip, prompts, direction, folder=folder))
    return {"found": found, **measured}


def _run_ours(args: argparse.Namespace, weights: str, way: str, n_masks: int) -> dict[str, Any]:
    from overseg.propagate.sam2.model import compile_parts, load_sam2
    from overseg.propagate.sam2.propagator import Sam2Propagator

    model = load_sam2(weights, device=args.device, image_size=args.image_size)
    if args.compile:
        compile_parts(model)

    def propagate(n_masks: int = n_masks, way: str = way) -> list[PropagatedMasks]:
        propagator = Sam2Propagator(
            model,
            dtype=args.dtype,
            min_area_px=1,
            max_batch=args.max_batch,
            max_hole_area_px=0,  # upstream fills holes only with a compiled extension
        )
        return [propagator.propagate(clip, *what).masks for what in _visits(n_masks, args, way)]

    clip = _clip(args)
    if args.compile:
        propagate()
    elif args.warm_up:
        propagate(1, "clip")
    with _measured(args) as measured:
        found = propagate()
    return {"found": found, **measured, "limit_s": _limit_s(propagate, args) if args.limit else 0.0}


def _limit_s(propagate: Callable[[], object], args: argparse.Namespace) -> float:
    """Seconds that the matrix products and convolutions of `propagate` would take at the rate of one large product."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        propagate()
    side = 8192 if args.device.startswith("cuda") else 2048
    factor = torch.rand(side, side, device=args.device, dtype=getattr(torch, args.dtype))
    seconds = []
    clock = _clock(args)
    for _ in range(5):
        started = clock()
        (factor @ factor)[0, 0].item()
        seconds.append(clock() - started)
    return counter.get_total_flops() * min(seconds) / (2 * side**3)


@contextmanager
def _measured(args: argparse.Namespace) -> Iterator[dict[str, float]]:
    """Measure the seconds of the block, and the process's peak memory, that of the device if there is one."""
    import torch

    measured: dict[str, float] = {}
    clock = _clock(args)
    if args.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(args.device)
    started = clock()
    with _precision(args):
        yield measured
    measured["seconds"] = clock() - started
    if args.device.startswith("cuda"):
        measured["peak_mb"] = torch.cuda.max_memory_allocated(args.device) / 1e6
    else:
        unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
        measured["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _precision(args: argparse.Namespace) -> AbstractContextManager[object]:
    import torch

    return torch.autocast(args.device.split(":")[0], torch.bfloat16, enabled=args.dtype == "bfloat16")


def _clock(args: argparse.Namespace) -> Callable[[], float]:
    return time.process_time if args.clock == "cpu" else time.perf_counter


def _visits(n_masks: int, args: argparse.Namespace, way: str) -> list[tuple[Rles, Direction]]:
    """The masks to propagate, and the clip."""
    prompts = _prompts(_clip(args).video.info.size, n_masks)
    if way == "clip":
        return [(prompts, Direction.FORWARD)]
    tail = prompts.take(np.arange(max(1, n_masks // 4)))
    both = [(prompts, Direction.FORWARD), (prompts, Direction.BACKWARD)]
    return both + [(tail, Direction.FORWARD)] * _TAIL_ROUNDS


def _prompts(size: tuple[int, int], n_masks: int) -> Rles:
    """Discs at many places and of many sizes."""
    random = np.random.default_rng(0)
    height, width = size
    y, x = np.mgrid[:height, :width]
    places = random.uniform((0.2, 0.2, 0.05), (0.8, 0.8, 0.3), (n_masks, 3))
    discs = [(y - v * height) ** 2 + (x - u * width) ** 2 < (radius * height) ** 2 for v, u, radius in places]
    return Rles.from_masks(np.array(discs))


def _clip(args: argparse.Namespace) -> Clip:
    if args.clip is None:
        return Clip(_made_video(args.frames), 0, args.frames - 1)
    from overseg.video.open import open_video

    return Clip(open_video(Path(args.clip), end=args.frames), 0, args.frames - 1)


def _made_video(n_frames: int) -> Video:
    sys.path.insert(0, str(_TESTS))
    from propagator_suite import panning_video

    return panning_video(n_frames, size=(300, 340))


def _random_weights(path: Path) -> str:
    from overseg.propagate.sam2.random import save_random_sam2

    return str(save_random_sam2(path, "2.1"))


if __name__ == "__main__":
    main()

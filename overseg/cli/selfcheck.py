"""`overseg selfcheck`: whether what is computed on this machine is what it should be."""

import argparse
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from overseg.cli.shared import add_device
from overseg.errors import SettingsError
from overseg.report import TerminalReport
from overseg.weights import catalogue, missing_files

_COLUMNS = ("compared", "masks", "worst IoU", "ended apart", "upstream s", "ours s", "")
_HOLES = "holes are left, as upstream does without its extension"


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "selfcheck",
        description="Propagate masks with upstream's code and this one, and compare; exit code 1 where they differ.",
    )
    parser.add_argument("part", choices=("sam2",), help="what is compared")
    parser.add_argument(
        "--weights", metavar="NAME|PATH", help="a SAM 2 checkpoint; default: one that is here, else random weights"
    )
    add_device(parser)
    parser.add_argument("--size", type=int, metavar="PIXELS", help="side of the model's image (1024; on a CPU 256)")
    parser.set_defaults(call=call, if_interrupted="nothing was kept, and nothing was lost")


def call(args: argparse.Namespace) -> int:
    """Print a line for each comparison; 0 where all agree."""
    from overseg.presets import resolve_device
    from overseg.propagate.sam2.random import save_random_sam2
    from overseg.propagate.sam2.selfcheck import ENOUGH_IOU, selfcheck

    device = resolve_device(args.device, needs_torch=True)
    image_size = (256 if device == "cpu" else 1024) if args.size is None else args.size
    with tempfile.TemporaryDirectory() as folder:
        weights = _weights(args.weights)
        named = weights or save_random_sam2(Path(folder) / "random.pt", "2.1")
        checks = selfcheck(named, device=device, image_size=image_size)
        print(f"SAM 2 at {image_size} px on {device}, {weights or 'seeded random weights, as none are here'}; {_HOLES}")
        print(_line(*_COLUMNS))
        passes = True
        for check in checks:
            differs = f"differs: expected {ENOUGH_IOU} and none ended apart"
            said = "same" if check.passes else differs if check.n_masks else "failed: there was no mask to compare"
            cells = (check.n_masks, f"{check.worst_iou:.5f}", check.n_ended_apart)
            print(_line(check.what, *cells, f"{check.upstream_s:.1f}", f"{check.ours_s:.1f}", said), flush=True)
            passes &= check.passes
    return 0 if passes else 1


def _weights(asked: str | None) -> Path | None:
    """The checkpoint asked for, fetched where need be; without one, the smallest that is here; None where none is."""
    from overseg.build import ensure_weights

    if asked and asked in catalogue() and catalogue()[asked].family != "sam2":
        names = ", ".join(name for name, one in catalogue().items() if one.family == "sam2")
        raise SettingsError(f"--weights {asked} is no SAM 2 checkpoint: expected one of {names}, or a path")
    here = [one for one in catalogue().values() if one.family == "sam2" and not missing_files(one)]
    name = asked or min(here, key=lambda one: one.size_bytes).name if asked or here else None
    if name is None:
        return None
    with closing(TerminalReport()) as report:
        return ensure_weights(name, report=report)


def _line(*cells: object) -> str:
    return "  ".join(f"{cell!s:<{17 if column == 0 else 11}}" for column, cell in enumerate(cells)).rstrip()

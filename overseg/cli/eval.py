"""`overseg eval`: how good the tracks of a store are."""

import argparse
import json
from contextlib import closing
from typing import Any

from overseg.cli.shared import add_as_found, add_moved_video, add_quiet, add_reading, open_store
from overseg.report import TerminalReport


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "eval",
        description="Measure how good the tracks of a store are, by themselves and against ground truth.",
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument(
        "--gt",
        metavar="PATH",
        help="objects with known masks, in any format that import reads: a folder of PNGs (DAVIS), a folder of folders "
        "of PNGs (SA-V), JSON of COCO with track ids, YouTube-VIS, LabelMe, XML of CVAT, …",
    )
    add_reading(parser)
    parser.add_argument(
        "--skip-ends",
        action="store_true",
        help="leave out the first and the last annotated frame, as DAVIS does where the first is given",
    )
    add_moved_video(parser)
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    add_as_found(parser)
    add_quiet(parser)
    parser.set_defaults(call=call, if_interrupted="the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Measure, and print it."""
    from overseg.api.evaluate import evaluate

    with closing(TerminalReport(quiet=args.quiet)) as report:
        found = evaluate(
            open_store(args),
            args.gt,
            skip_ends=args.skip_ends,
            first_number=args.first_number,
            strict=args.strict,
            video=args.video,
            report=report,
        )
    print(json.dumps(found.as_json(), indent=2) if args.json else found)
    return 0

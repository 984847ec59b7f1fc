"""`overseg relink`: decide the tracks of a store again, with another threshold or without re-identification."""

import argparse
from contextlib import closing
from typing import Any

from overseg.cli.info import headline
from overseg.cli.shared import add_quiet
from overseg.report import TerminalReport


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "relink",
        description="Decide again which masks are one track, from what the store holds; no mask is made or changed.",
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument(
        "--match-iou", type=float, metavar="IOU", help="masks that agree this much are one region (the run's)"
    )
    parser.add_argument(
        "--reid",
        action=argparse.BooleanOptionalAction,
        help="continue a track that ended as a later one whose appearance is alike, near where it was (the run's)",
    )
    add_quiet(parser)
    parser.set_defaults(call=call, if_interrupted="the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Do it, and say what came of it."""
    from overseg.api.relink import relink

    with closing(TerminalReport(quiet=args.quiet)) as report:
        result = relink(args.store, match_iou=args.match_iou, reid=args.reid, report=report)
    if not args.quiet:
        print(f"{args.store}: {headline(result)}")
    return 0

"""`overseg relink`: the tracks of a store anew, with another threshold, or with and without re-appearance."""

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
        help="decide anew which masks are one track, without any model",
        description="Decide anew which masks are one track, from what the store holds; no mask is made or changed.",
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument("--match-iou", type=float, help="masks that agree this much are one region (the run's)")
    parser.add_argument(
        "--reid",
        action=argparse.BooleanOptionalAction,
        help="let a track that ended go on as a later one that looks the same, near where it was (the run's)",
    )
    add_quiet(parser)
    parser.set_defaults(call=run, if_interrupted="the store is as it was")


def run(args: argparse.Namespace) -> int:
    """Do it, and say what came of it."""
    from overseg.api.relink import relink

    with closing(TerminalReport(quiet=args.quiet)) as report:
        result = relink(args.store, match_iou=args.match_iou, reid=args.reid, report=report)
    if not args.quiet:
        print(f"{args.store}: {headline(result)}")
    return 0

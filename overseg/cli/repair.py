"""`overseg check` and `overseg repair`: whether a store is as it was written, and mending it."""

import argparse
from contextlib import closing
from typing import Any

from overseg.cli.shared import add_moved_video, add_quiet
from overseg.report import TerminalReport


def add_parser(commands: Any) -> None:
    """Describe both commands to argparse."""
    check = commands.add_parser(
        "check",
        description="Read all of a store and name every file that is damaged. Exits with 1 if there is one.",
    )
    check.add_argument("store", metavar="OUT.zarr")
    check.set_defaults(call=run_check, if_interrupted="the store is as it was")
    repair = commands.add_parser(
        "repair",
        description="Find what is damaged in a store, and make it again; the result is the same as before.",
    )
    repair.add_argument("store", metavar="OUT.zarr")
    add_moved_video(repair)
    repair.add_argument("--masks", metavar="FOLDER", help="where the masks of --generator precomputed are")
    add_quiet(repair)
    repair.set_defaults(call=run_repair, if_interrupted="run the same command again to continue")


def run_check(args: argparse.Namespace) -> int:
    """Name what is damaged."""
    from overseg.api.repair import check

    damage = check(args.store)
    for one in damage:
        print(one)
    if not damage:
        print(f"{args.store}: nothing is damaged")
    return int(bool(damage))


def run_repair(args: argparse.Namespace) -> int:
    """Mend it, and say what was damaged."""
    from overseg.api.repair import repair

    with closing(TerminalReport(quiet=args.quiet)) as report:
        done = repair(args.store, video=args.video, masks=args.masks, report=report)
    if not args.quiet:
        for one in done.damage:
            print(one)
        visits = "1 visit" if len(done.made_again) == 1 else f"{len(done.made_again)} visits"
        print(f"{args.store}: {f'mended, with {visits} made again' if done.damage else 'nothing is damaged'}")
    return 0

"""`overseg tracks`: the list of a result's tracks."""

import argparse
from typing import Any

from overseg.cli.shared import add_as_found, open_store


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser("tracks")
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument("--csv", action="store_true", help="as comma-separated values")
    add_as_found(parser)
    parser.set_defaults(call=call, if_interrupted="the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Print the list."""
    from overseg.output.track_table import as_csv, as_text, track_rows

    rows = track_rows(open_store(args))
    print(as_csv(rows) if args.csv else as_text(rows), end="")
    return 0

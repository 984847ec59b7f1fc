"""`overseg report`: a result as one page, for someone else to read."""

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

from overseg.cli.shared import add_as_found, add_moved_video, add_quiet, open_store
from overseg.errors import SettingsError


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser("report")
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument("output", metavar="OUT.html", help="the page, which needs no other file")
    parser.add_argument("--gt", metavar="PATH", help="objects with known masks, as for eval: adds their figures")
    add_moved_video(parser)
    add_as_found(parser)
    add_quiet(parser)
    parser.set_defaults(call=call, if_interrupted="nothing was written; the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Write it."""
    from overseg.api.report import write_report
    from overseg.output.spare_input import spare_input
    from overseg.report import TerminalReport

    if Path(args.output).suffix.lower() not in (".html", ".htm"):
        raise SettingsError(f"cannot write a page to {args.output}: its name must end in .html")
    result = open_store(args)
    spare_input(args.output, args.video or result.provenance.get("input", result.info.name))
    with closing(TerminalReport(quiet=args.quiet)) as progress:
        write_report(result, args.output, gt=args.gt, video=args.video, report=progress)
    if not args.quiet:
        print(f"{args.output}: {len(result)} frames, {result.tracks.exists.sum()} tracks")
    return 0

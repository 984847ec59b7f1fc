"""`overseg sheet`: a contact sheet of a result, as a picture."""

import argparse
from contextlib import ExitStack
from typing import Any

from overseg.cli.shared import add_as_found, add_moved_video, open_store, open_video_or_grey
from overseg.errors import SettingsError

_MOST_COLUMNS = 100


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser("sheet")
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument("output", metavar="OUT.png", help="the picture: png, jpg or webp")
    parser.add_argument("--columns", type=int, default=6, metavar="N", help="tracks in a row (6)")
    add_moved_video(parser)
    add_as_found(parser)
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    parser.set_defaults(call=call, if_interrupted="nothing was written; the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Write it."""
    from overseg.output.picture_file import check_picture_name, write_picture
    from overseg.output.sheet import contact_sheet
    from overseg.output.spare_input import spare_input

    if not 1 <= args.columns <= _MOST_COLUMNS:
        raise SettingsError(f"--columns takes a number from 1 to {_MOST_COLUMNS}, not {args.columns}")
    check_picture_name(args.output)
    result = open_store(args)
    spare_input(args.output, args.video or result.provenance.get("input", result.info.name))
    with ExitStack() as stack:
        video = open_video_or_grey(result, args.video, stack, quiet=args.quiet)
        write_picture(args.output, contact_sheet(result, video, per_row=args.columns))
    if not args.quiet:
        print(f"{args.output}: {result.tracks.exists.sum()} tracks")
    return 0

"""`overseg import`: a store of masks that another tool wrote."""

import argparse
from contextlib import closing
from typing import Any

from overseg.interchange.formats import FORMATS


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "import",
        description="Make a store of masks that another tool wrote. docs/formats.md says what each format holds.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="formats:\n" + "\n".join(f"  {name:<20}{known.title}" for name, known in FORMATS.items()),
    )
    parser.add_argument("source", metavar="SRC", help="the file, or the folder")
    parser.add_argument("output", metavar="OUT.zarr", help="the store to write")
    parser.add_argument("--format", required=True, metavar="F", help="one of those below")
    parser.add_argument("--video", metavar="PATH", help="the video or folder of images that the masks are of")
    parser.add_argument("--video-name", metavar="NAME", help="which video to read, where SRC holds several")
    parser.add_argument("--overwrite", action="store_true", help="replace an older store")
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    parser.set_defaults(call=call, if_interrupted="nothing was written")


def call(args: argparse.Namespace) -> int:
    """Make it, and say what it holds."""
    from overseg.api.results import import_masks
    from overseg.cli.info import headline
    from overseg.report import TerminalReport

    with closing(TerminalReport(quiet=args.quiet)) as report:
        result = import_masks(
            args.source,
            args.output,
            format=args.format,
            video=args.video,
            video_name=args.video_name,
            overwrite=args.overwrite,
            report=report,
        )
    if not args.quiet:
        print(f"{args.output}: {headline(result)}")
    return 0

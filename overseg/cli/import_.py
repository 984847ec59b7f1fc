"""`overseg import`: a store of masks that another tool wrote."""

import argparse
from contextlib import closing
from typing import Any

from overseg.cli.shared import add_reading
from overseg.errors import SettingsError
from overseg.interchange.formats import READ

_OPTIONS = ("format", "start", "end", "stride", "resize", "first_number", "strict", "overwrite")


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "import",
        description="Make a store of masks that another tool wrote. docs/formats.md says what each format holds.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="formats:\n" + "\n".join(f"  {name:<20}{known.title}" for name, known in READ.items()),
    )
    parser.add_argument("source", metavar="SRC", help="the file, or the folder")
    parser.add_argument("output", metavar="OUT.zarr", help="the store to write")
    parser.add_argument("--format", required=True, metavar="F", help="one of those below")
    add_reading(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an older store")
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    _add_video(parser.add_argument_group("video and frames"))
    parser.set_defaults(call=call, if_interrupted="nothing was written")


def _add_video(group: Any) -> None:
    group.add_argument("--video", metavar="PATH", help="the video or folder of images that the masks are of")
    group.add_argument("--video-name", metavar="NAME", help="which video to read, where SRC holds several")
    group.add_argument(
        "--each-video", action="store_true", help="read all videos that SRC holds: OUT.zarr is a folder of stores"
    )
    group.add_argument("--start", type=int, default=0, metavar="FRAME", help="first frame, from 0")
    group.add_argument("--end", type=int, metavar="FRAME", help="frame to stop before (the video's end)")
    group.add_argument("--stride", type=int, default=1, metavar="N", help="take every Nth frame from --start on (1)")
    group.add_argument(
        "--resize", type=int, metavar="PIXELS", help="shrink the video's frames, and masks, to this longer side"
    )


def call(args: argparse.Namespace) -> int:
    """Make it, and say what it holds."""
    from overseg.api.results import import_masks
    from overseg.cli.info import headline
    from overseg.interchange.import_each import import_each
    from overseg.report import TerminalReport

    options = {name: getattr(args, name) for name in _OPTIONS}
    with closing(TerminalReport(quiet=args.quiet)) as report:
        if args.each_video:
            if args.video or args.video_name:
                raise SettingsError("--each-video reads all videos: leave out --video and --video-name")
            results = import_each(args.source, args.output, report=report, **options)
        else:
            more = {"video": args.video, "video_name": args.video_name}
            results = [import_masks(args.source, args.output, report=report, **options, **more)]
    for result in results if not args.quiet else ():
        print(f"{result.path if args.each_video else args.output}: {headline(result)}")
    return 0

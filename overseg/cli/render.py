"""`overseg render`: draw a result as a video or as pictures."""

import argparse
from contextlib import closing
from dataclasses import asdict
from typing import Any

from overseg.cli.filters import add_filters, filters_of
from overseg.cli.shared import add_as_found, add_moved_video, add_quiet, open_store
from overseg.output.styles import STYLES
from overseg.report import TerminalReport


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "render",
        description="Draw masks over the video, or write mattes of them; replaces what has the name.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="styles:\n" + "\n".join(f"  {name:<14}{style.title}" for name, style in STYLES.items()),
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument(
        "output", metavar="DEST", help="a file: mp4, mov, mkv or webm; or a folder for pictures; png with --frame"
    )
    add_moved_video(parser)
    add_as_found(parser)
    add_quiet(parser)
    which = add_filters(parser)
    which.add_argument("--frame", type=int, metavar="N", help="only this frame, from 0, as a picture: png, jpg or webp")
    which.add_argument("--every", type=int, default=1, metavar="N", help="write every Nth frame (1)")
    _add_drawing(parser.add_argument_group("how they are drawn"))
    _add_files(parser.add_argument_group("files that are written"))
    parser.set_defaults(call=call, if_interrupted="nothing was written; the store is as it was")


def _add_drawing(group: Any) -> None:
    group.add_argument("--style", default="overlay", metavar="S", help="one of those below (overlay)")
    group.add_argument("--opacity", type=float, metavar="SHARE", help="of the masks' fill, 0 to 1 (0.5)")
    group.add_argument("--side-by-side", action="store_true", help="put the frame without masks to the left")
    group.add_argument("--names", action="store_true", help="draw boxes, and what each track is called")
    group.add_argument("--labels", metavar="FILE.csv", help="columns track, and name, category, drop")


def _add_files(group: Any) -> None:
    group.add_argument("--format", metavar="F", help="in a folder: png, jpg or webp; with --per-track also a video's")
    group.add_argument("--per-track", action="store_true", help="a file or folder for each track")
    group.add_argument("--crop", action="store_true", help="with --per-track: only the box that the track stays in")
    group.add_argument(
        "--fps", type=float, metavar="N", help="frames per second (the input's own times; 30 by --every for images)"
    )
    group.add_argument("--audio", action="store_true", help="write the input's sound, too")
    group.add_argument("--quality", type=int, default=80, metavar="Q", help="of jpg and webp, 1 to 100 (80)")


def call(args: argparse.Namespace) -> int:
    """Write it, and say what was written."""
    from overseg.api.render import render
    from overseg.output.styles import style_named

    style_named(args.style)  # before the store is opened
    result = open_store(args)
    with closing(TerminalReport(quiet=args.quiet)) as report:
        drawn = render(
            result,
            args.output,
            frame=args.frame,
            style=args.style,
            opacity=args.opacity,
            side_by_side=args.side_by_side,
            names=args.names,
            labels=args.labels,
            per_track=args.per_track,
            crop=args.crop,
            audio=args.audio,
            format=args.format,
            fps=args.fps,
            every=args.every,
            quality=args.quality,
            video=args.video,
            report=report,
            **asdict(filters_of(args, result.names)),
        )
    if not args.quiet:
        print(drawn)
    return 0

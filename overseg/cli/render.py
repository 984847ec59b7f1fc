"""`overseg render`: draw a result as a video or as pictures."""

import argparse
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.cli.filters import add_filters, filters_of
from overseg.cli.shared import add_moved_video, add_quiet
from overseg.errors import SettingsError
from overseg.output.form import Form
from overseg.output.picture_file import PICTURE_SUFFIXES, check_picture_name, write_picture
from overseg.output.render_options import RenderOptions
from overseg.output.styles import STYLES
from overseg.report import TerminalReport

if TYPE_CHECKING:
    from overseg.interchange.filters import Filters
    from overseg.store.result import Result

_OF_MANY = ("fps", "every", "format", "per_track", "start", "end")  # options that one picture has no use for


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "render",
        help="draw the masks over the video, or cut out what they hold",
        description="Draw masks over the video, or write mattes of them; replaces what has the name.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="styles:\n" + "\n".join(f"  {name:<14}{style.title}" for name, style in STYLES.items()),
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument(
        "output", metavar="DEST", help="a file: mp4, mov, mkv or webm; or a folder for pictures; png with --frame"
    )
    parser.add_argument("--style", default="overlay", metavar="S", help="one of those below (overlay)")
    parser.add_argument(
        "--frame", type=int, metavar="N", help="only this frame, from 0, as a picture: png, jpg or webp"
    )
    add_moved_video(parser)
    parser.add_argument("--format", metavar="F", help="in a folder: png, jpg or webp; with --per-track also a video's")
    parser.add_argument("--per-track", action="store_true", help="a file or folder for each track")
    parser.add_argument("--every", type=int, metavar="N", help="write every Nth frame (1)")
    parser.add_argument("--fps", type=float, help="frames per second (the input's, or 30, by --every)")
    parser.add_argument("--quality", type=int, metavar="Q", help="of jpg and webp, 1 to 100 (80)")
    parser.add_argument("--opacity", type=float, help="of the masks' fill, 0 to 1 (0.5)")
    parser.add_argument("--side-by-side", action="store_true", help="put the frame without masks to the left")
    parser.add_argument("--names", action="store_true", help="draw boxes, and what each track is called")
    add_filters(parser)
    add_quiet(parser)
    parser.set_defaults(call=call, if_interrupted="nothing was written; the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Write it, and say what was written."""
    from overseg.output.input_video import open_input
    from overseg.output.render import render, render_frame
    from overseg.output.spare_input import spare_input
    from overseg.store.result import open_result

    _check(args)
    render_options = RenderOptions(
        style=args.style,
        opacity=args.opacity,
        side_by_side=args.side_by_side,
        names={} if args.names else None,
    )
    form = _form(args)
    if args.frame is not None:
        check_picture_name(args.output, channels=render_options.channels)
    else:
        form.format_of(Path(args.output), render_options)
    result = open_result(args.store)
    spare_input(args.output, args.video or result.provenance.get("input", result.info.name))
    render_options, filters = (
        replace(render_options, names=result.names) if args.names else render_options,
        filters_of(args, result.names),
    )
    with ExitStack() as stack:
        report = TerminalReport(quiet=args.quiet)
        stack.callback(report.close)
        video = stack.enter_context(open_input(result, args.video))
        if args.frame is not None:
            picture = render_frame(result, video, args.frame, render_options=render_options, filters=filters)
            write_picture(args.output, picture, quality=form.quality)
        else:
            render(result, video, args.output, render_options=render_options, filters=filters, form=form, report=report)
    if not args.quiet:
        print(f"{args.output}: {_gist(result, args, filters)}")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse options that do not fit together."""
    if args.frame is not None:
        for name in _OF_MANY:
            if getattr(args, name):
                spelled = name.replace("_", "-")
                raise SettingsError(f"--frame writes one picture, which has no --{spelled}: leave one of the two out")
    elif Path(args.output).suffix.lower() in PICTURE_SUFFIXES:
        raise SettingsError(
            f"{args.output} is a picture: say which frame with --frame N, or name a video such as out.mp4, or a folder"
        )


def _form(args: argparse.Namespace) -> Form:
    given = {name: getattr(args, name) for name in ("format", "fps", "every", "quality")}
    return Form(per_track=args.per_track, **{name: value for name, value in given.items() if value is not None})


def _gist(result: "Result", args: argparse.Namespace, filters: "Filters") -> str:
    """What is to be seen, in a few words."""
    frames = filters.frames(len(result))
    shown = filters.tracks(result.tracks, frames)
    if args.frame is None:
        return f"{len(frames[:: args.every or 1])} frames, {shown.sum()} of {len(result.tracks)} tracks"
    tracks = result.masks_at(args.frame).track
    return f"frame {args.frame}, {shown[tracks].sum()} of {len(tracks)} masks"

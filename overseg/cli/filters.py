"""The options that choose tracks and frames, the same for every command that writes some of them."""

import argparse
from collections.abc import Mapping
from typing import Any

from overseg.data.filters import Filters
from overseg.data.track_names import TrackName
from overseg.errors import SettingsError


def add_filters(parser: argparse.ArgumentParser) -> Any:
    """Describe the options to argparse under a heading of their own, and return it."""
    group = parser.add_argument_group("which tracks and frames")
    group.add_argument("--min-length", type=int, default=1, metavar="FRAMES", help="only tracks with so many masks (1)")
    group.add_argument(
        "--min-mean-area",
        type=float,
        default=0,
        dest="min_area_px",
        metavar="PIXELS",
        help="only tracks of this mean area",
    )
    group.add_argument(
        "--min-score", type=float, default=0, metavar="SCORE", help="only tracks of this mean score, 0 to 1"
    )
    group.add_argument(
        "--sam-output", metavar="OUTPUT", help="only tracks that are mostly this output of SAM: subpart, part or whole"
    )
    group.add_argument("--start", type=int, default=0, metavar="FRAME", help="first frame (0)")
    group.add_argument("--end", type=int, metavar="FRAME", help="frame to stop before (the last)")
    group.add_argument(
        "--track", action="append", metavar="ID|NAME", help="only this track, or those of this name; may be repeated"
    )
    group.add_argument("--wholes", action="store_true", help="only tracks that are part of no other")
    group.add_argument(
        "--new", action="store_true", dest="new_only", help="only tracks that begin on these frames, not before"
    )
    return group


def filters_of(args: argparse.Namespace, names: Mapping[int, TrackName]) -> Filters:
    """What the options say; `names` is what tracks are called, by their numbers."""
    words = None if args.track is None else [track for word in args.track for track in _tracks(word, names)]
    return Filters(
        min_length=args.min_length,
        min_area_px=args.min_area_px,
        min_score=args.min_score,
        sam_output=args.sam_output,
        start=args.start,
        end=args.end,
        ids=None if words is None else tuple(words),
        new_only=args.new_only,
        wholes=args.wholes,
    )


def _tracks(word: str, names: Mapping[int, TrackName]) -> list[int]:
    """The tracks that have this name, or are of this kind, or else the one of this number."""
    called = [track for track, one in names.items() if word in (one.name, one.category)]
    if called or word.isdecimal():
        return called or [int(word)]
    known = ", ".join(dict.fromkeys(one.name for one in names.values())) or "none"
    raise SettingsError(f"--track takes the number or the name of a track, not {word!r}; names here: {known}")

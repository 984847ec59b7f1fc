"""`overseg associate`: tracks of masks that were found on each frame by itself."""

import argparse
from contextlib import closing
from typing import Any

from overseg.associate.frame_by_frame import METHODS
from overseg.cli.shared import add_reading


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "associate",
        description="Give masks that were found on each frame by itself numbers that stay the same through the video.",
    )
    parser.add_argument(
        "masks",
        metavar="MASK_DIR",
        help="a folder with a PNG, a folder of PNGs, a JSON or an npz for each frame; or what import reads",
    )
    parser.add_argument(
        "output", metavar="OUT", help="a store (.zarr), a file (.json, .csv), or a folder for both files and id maps"
    )
    parser.add_argument("--video", metavar="PATH", help="for a store: the video or folder that the masks are of")
    add_reading(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace what has that name")
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    _add_method(parser.add_argument_group("what is one track"))
    parser.set_defaults(call=call, if_interrupted="nothing was written")


def _add_method(group: Any) -> None:
    group.add_argument("--method", default="iou", metavar="M", help=f"{', '.join(METHODS[:-1])} or {METHODS[-1]} (iou)")
    group.add_argument(
        "--min-iou", type=float, default=0.3, metavar="IOU", help="masks that overlap less are not one track (0.3)"
    )
    group.add_argument(
        "--max-distance",
        type=float,
        default=50.0,
        dest="max_distance_px",
        metavar="PIXELS",
        help="with centroid: masks whose centroids are farther apart are not one track (50)",
    )
    group.add_argument(
        "--max-gap", type=int, default=3, metavar="FRAMES", help="frames that a track may have no mask on (3)"
    )


def call(args: argparse.Namespace) -> int:
    """Make them, and say how many."""
    from overseg.api.associate import associate
    from overseg.report import TerminalReport

    with closing(TerminalReport(quiet=args.quiet)) as report:
        found = associate(
            args.masks,
            args.output,
            method=args.method,
            min_iou=args.min_iou,
            max_distance_px=args.max_distance_px,
            max_gap=args.max_gap,
            video=args.video,
            first_number=args.first_number,
            strict=args.strict,
            overwrite=args.overwrite,
            report=report,
        )
    if not args.quiet:
        print(f"{args.output}: {found.n_frames} frames, {found.n_masks} masks, {found.n_tracks} tracks")
        if found.n_hidden:
            print(f"id maps hold one track a pixel, small masks on top; masks partly hidden there: {found.n_hidden}")
    return 0

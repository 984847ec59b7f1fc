"""`overseg export`: a result in the form that another tool reads."""

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from overseg.cli.filters import add_filters, filters_of
from overseg.cli.shared import add_as_found, add_moved_video, opened_with_edits
from overseg.errors import SettingsError
from overseg.interchange.formats import FORMATS

if TYPE_CHECKING:
    from overseg.interchange.shaping import Shaping


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "export",
        description="Write masks and tracks for another tool. docs/formats.md says what each format holds.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="formats:\n" + "\n".join(f"  {name:<20}{known.title}" for name, known in FORMATS.items()),
    )
    parser.add_argument(
        "stores",
        metavar="OUT.zarr",
        nargs="+",
        help="the store of a run; of several, or of the folder of a batch, one data set is made",
    )
    parser.add_argument("destination", metavar="DEST", help="a folder, or a file where the format is one")
    parser.add_argument("--format", required=True, metavar="F", help="one of those below")
    add_moved_video(parser)
    add_as_found(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an older export")
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    add_filters(parser)
    _add_form(parser.add_argument_group("what is written"))
    _add_polygons(parser.add_argument_group("polygons"))
    parser.set_defaults(call=call, if_interrupted="nothing was written; the store is as it was")


def _add_form(group: Any) -> None:
    group.add_argument("--labels", metavar="FILE.csv", help="columns track, and id, name, category, drop")
    group.add_argument(
        "--flatten",
        metavar="depth=N|tracks=N|all",
        help="lay masks over each other: tracks down to this depth of the containment tree, or so many of them (all, "
        "where a format takes no overlap)",
    )
    group.add_argument(
        "--frames", metavar="HOW", help="link, copy or none: put the frames there too (as the tool needs)"
    )
    group.add_argument(
        "--size",
        default="source",
        metavar="WHOSE",
        help="source or processed: in the size of the input, or of the run (source)",
    )
    group.add_argument(
        "--val",
        type=float,
        metavar="SHARE",
        help="for yolo-seg and coco: share of each video, its end, for validation (0.2 for yolo-seg)",
    )


def _add_polygons(group: Any) -> None:
    group.add_argument("--polygons", action="store_true", help="for coco: polygons in place of run lengths")
    group.add_argument("--min-piece", type=int, metavar="PIXELS", help="drop smaller connected parts of a mask (0)")
    group.add_argument(
        "--separate-pieces", action="store_true", help="for yolo-seg: a line for each connected part of a mask"
    )


def call(args: argparse.Namespace) -> int:
    """Write it, and say what was written and what was lost."""
    from overseg.api.results import export
    from overseg.batch.stores import stores_in
    from overseg.interchange.formats import format_named

    format_named(args.format)  # before the store is opened
    stores = [store for given in args.stores for store in stores_in(given, remark=_say)]
    results = [opened_with_edits(store, as_found=args.as_found) for store in stores]
    exported = export(
        results,
        args.destination,
        format=args.format,
        labels=args.labels,
        flatten=args.flatten,
        polygons=_shaping(args),
        val=args.val,
        frames=args.frames,
        size=args.size,
        video=args.video,
        overwrite=args.overwrite,
        **asdict(filters_of(args, results[0].names)),
    )
    if not args.quiet:
        print(f"{args.destination}: {args.format}, {exported.n_frames} frames, {exported.n_objects} tracks")
        if exported.loss is not None:
            print(f"laid over each other, small on top: {exported.loss}")
        if exported.n_dropped:
            print(f"dropped pieces of masks under {args.min_piece} pixels: {exported.n_dropped}")
    return 0


def _say(line: str) -> None:
    print(f"overseg: {line}", file=sys.stderr)


def _shaping(args: argparse.Namespace) -> "Shaping | None":
    """How masks become polygons; None where no option says so."""
    from overseg.interchange.shaping import Shaping

    if not args.polygons and not args.separate_pieces and args.min_piece is None:
        return None
    if args.format == "coco" and not args.polygons:
        raise SettingsError("--min-piece and --separate-pieces are of polygons: add --polygons, or leave them out")
    return Shaping(min_piece_px=args.min_piece or 0, is_joined=args.format != "coco" and not args.separate_pieces)

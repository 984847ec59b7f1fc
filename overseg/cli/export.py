"""`overseg export`: a result in the form that another tool reads."""

import argparse
from dataclasses import asdict
from typing import Any

from overseg.cli.filters import add_filters, filters_of
from overseg.cli.shared import add_moved_video
from overseg.interchange.formats import FORMATS


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "export",
        description="Write masks and tracks for another tool. docs/formats.md says what each format holds.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="formats:\n" + "\n".join(f"  {name:<20}{known.title}" for name, known in FORMATS.items()),
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument("destination", metavar="DEST", help="a folder, or a file where the format is one")
    parser.add_argument("--format", required=True, metavar="F", help="one of those below")
    add_filters(parser)
    parser.add_argument("--labels", metavar="FILE.csv", help="columns track, id, category; other tracks are left out")
    parser.add_argument(
        "--flatten",
        metavar="depth=N|tracks=N",
        help="where a format takes no overlap: tracks down to this depth of the containment tree, or so many of them",
    )
    parser.add_argument("--frames", help="link, copy or none: put the frames there too (as the tool needs)")
    add_moved_video(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an older export")
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    parser.set_defaults(call=call, if_interrupted="nothing was written; the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Write it, and say what was written and what was lost."""
    from overseg.api.results import export
    from overseg.api.results import open as open_store
    from overseg.interchange.formats import format_named

    format_named(args.format)  # before the store is opened
    result = open_store(args.store)
    exported = export(
        result,
        args.destination,
        format=args.format,
        labels=args.labels,
        flatten=args.flatten,
        frames=args.frames,
        video=args.video,
        overwrite=args.overwrite,
        **asdict(filters_of(args, result.names)),
    )
    if not args.quiet:
        print(f"{args.destination}: {args.format}, {exported.n_frames} frames, {exported.n_objects} tracks")
        if exported.loss is not None:
            print(f"laid over each other, small on top: {exported.loss}")
    return 0

"""`overseg edit`: change a result; what the run made stays as it is."""

import argparse
from contextlib import ExitStack, closing
from typing import Any

from overseg.cli.shared import add_moved_video, print_remarks

_ACTIONS = """actions:
  merge A B ...                  make tracks one, which keeps the number A
  split A --at FRAME             masks from this frame on become a new track
  name A NAME [--category KIND]  give a track a name; an empty one takes it away
  drop A ...                     delete tracks
  restore A                      bring a deleted track back
  correct A --at FRAME MASK      replace the mask of a frame
  new --at FRAME MASK            make a new track
  propagate A --at FRAME         carry the mask of a frame to its neighbours, up to the next corrections or keyframes
  undo | redo                    take the last edit back, or make it again
  log                            list the edits
  apply FILE                     make the edits of a file: one a line, as JSON ({"do": "merge", "tracks": [13, 73]})
                                 or as here (merge 13 73)

MASK is --mask PICTURE, black beside the mask; or --point X,Y,LABEL, with label 1 on the object and 0 beside it, and
--box X1,Y1,X2,Y2, of which SAM makes a mask. Pixels are those of the store's frames.
"""


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "edit",
        description="Change a result. Edits are kept beside it; the result stays as the run made it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_ACTIONS,
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument("action", metavar="ACTION", help="one of those below")
    parser.add_argument("words", nargs="*", metavar="...", help="what the action needs")
    parser.add_argument("--at", metavar="FRAME", help="the frame; for split, the first one of the new track")
    parser.add_argument("--category", metavar="KIND", help="for name: what kind of object it is (the name)")
    parser.add_argument("--mask", metavar="PICTURE", help="for correct and new: the mask")
    parser.add_argument(
        "--point",
        action="append",
        default=[],
        metavar="X,Y,LABEL",
        help="for correct and new: a click; may be several",
    )
    parser.add_argument("--box", metavar="X1,Y1,X2,Y2", help="for correct and new: a box around the object")
    add_moved_video(parser)
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    parser.set_defaults(call=call, if_interrupted="edits that were made are kept")


def call(args: argparse.Namespace) -> int:
    """Make the edits, and say what was done."""
    from overseg.correcting.edit_file import apply_file
    from overseg.correcting.sam_and_flow import KeptInput, SamAndFlow
    from overseg.correcting.script import Command, perform
    from overseg.edits.editor import Editor
    from overseg.report import TerminalReport

    if args.action == "log":
        return _log(args)
    options = {"at": args.at, "category": args.category, "mask": args.mask, "box": args.box}
    command = Command(args.action, tuple(args.words), points=tuple(args.point), **options)
    with ExitStack() as stack:
        report = stack.enter_context(closing(TerminalReport(quiet=args.quiet)))
        editor = stack.enter_context(Editor(args.store, SamAndFlow(KeptInput(args.video), report)))
        print_remarks(editor.result)
        lines = apply_file(editor, args.words) if args.action == "apply" else [perform(editor, command)]
    if not args.quiet:
        for line in lines:
            print(line)
    return 0


def _log(args: argparse.Namespace) -> int:
    """List the edits; reading needs no lock."""
    from overseg.correcting.script import log_lines
    from overseg.edits.reading import open_edited

    result = open_edited(args.store)
    print_remarks(result)
    for line in log_lines(result):
        print(line)
    return 0

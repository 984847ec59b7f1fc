"""`overseg edit`: change a result; what the run made stays as it is."""

import argparse
from typing import Any

from overseg.cli.shared import print_remarks

_ACTIONS = """actions:
  merge A B ...                  make tracks one, which keeps the number A
  split A --at FRAME             masks from this frame on become a new track
  name A NAME [--category KIND]  give a track a name; an empty one takes it away
  drop A ...                     delete tracks
  restore A                      bring a deleted track back
  undo | redo                    take the last edit back, or make it again
  log                            list the edits
  apply FILE                     make the edits of a file: one a line, as JSON ({"do": "merge", "tracks": [13, 73]})
                                 or as here (merge 13 73)
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
    parser.add_argument("--at", metavar="FRAME", help="for split: the first frame of the new track")
    parser.add_argument("--category", metavar="KIND", help="for name: what kind of object it is (the name)")
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    parser.set_defaults(call=call, if_interrupted="edits that were made are kept")


def call(args: argparse.Namespace) -> int:
    """Make the edits, and say what was done."""
    from overseg.edits.editor import Editor
    from overseg.edits.script import Command, apply_file, perform

    if args.action == "log":
        return _log(args)
    with Editor(args.store) as editor:
        print_remarks(editor.result)
        if args.action == "apply":
            lines = apply_file(editor, args.words)
        else:
            lines = [perform(editor, Command(args.action, tuple(args.words), at=args.at, category=args.category))]
    if not args.quiet:
        for line in lines:
            print(line)
    return 0


def _log(args: argparse.Namespace) -> int:
    """List the edits; reading needs no lock."""
    from overseg.edits.reading import open_edited
    from overseg.edits.script import log_lines

    result = open_edited(args.store)
    print_remarks(result)
    for line in log_lines(result):
        print(line)
    return 0

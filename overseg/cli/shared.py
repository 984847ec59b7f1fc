"""Options that mean the same in every command that has them."""

import argparse
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overseg.store.result import Result
    from overseg.video.buffered import BufferedVideo


def add_device(parser: argparse.ArgumentParser, *, default: str | None = "auto") -> None:
    """`--device`; no default where a file of options may say it."""
    parser.add_argument("--device", default=default, help="auto, cpu, cuda, cuda:N or mps (auto)")


def add_categories(group: Any) -> None:
    """`--category`, for commands that ask a detector."""
    group.add_argument(
        "--category",
        action="append",
        default=[],
        dest="categories",
        metavar="NAME",
        help="only what is of this category of the detector's; may be repeated (all)",
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """`--quiet`, for commands that show how far they are."""
    parser.add_argument("--quiet", action="store_true", help="no progress bars and no remarks")


def add_reading(group: Any) -> None:
    """`--first-number` and `--strict`, for commands that read masks of other tools."""
    group.add_argument(
        "--first-number",
        type=int,
        metavar="N",
        help="the number that names and files give the first frame (what fits the video: 0 or 1)",
    )
    group.add_argument("--strict", action="store_true", help="refuse a source of which something would be left out")


def add_moved_video(parser: argparse.ArgumentParser) -> None:
    """`--video`, for commands that need the pictures that a store was made of."""
    parser.add_argument("--video", metavar="PATH", help="where the input is now, if it was moved since")


def add_as_found(parser: argparse.ArgumentParser) -> None:
    """`--as-found`, for commands that read a result."""
    parser.add_argument("--as-found", action="store_true", help="without edits: the result as the run made it")


def open_store(args: argparse.Namespace) -> "Result":
    """The result that `args.store` names, with its edits unless `--as-found` is given. Says what edits are left out."""
    return opened_with_edits(args.store, as_found=args.as_found)


def opened_with_edits(store: str, *, as_found: bool) -> "Result":
    """The result in a store, with its edits or as the run made it. Says what edits are left out."""
    from overseg.edits.reading import open_edited

    result = open_edited(store, as_found=as_found)
    print_remarks(result)
    return result


def print_remarks(result: "Result") -> None:
    """Say on stderr which edits of a result are damaged or left out."""
    from overseg.edits.reading import remarks_of

    for remark in remarks_of(result):
        print(f"overseg: {remark}", file=sys.stderr)


def open_video_or_grey(
    result: "Result", path: str | None, stack: ExitStack, *, quiet: bool = False
) -> "BufferedVideo | None":
    """The video of a result; None, and a remark on stderr, where it is missing and the user did not name it."""
    from overseg.errors import InputError
    from overseg.output.input_video import open_input

    try:
        return stack.enter_context(open_input(result, path))
    except InputError as e:
        if path is not None:
            raise
        if not quiet:
            print(f"overseg: masks are shown on grey: {e}", file=sys.stderr)
        return None


def add_options_file(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--log-json`, for commands with many options and long runs."""
    parser.add_argument(
        "--config", metavar="FILE.yaml", help="options by name; those on the command line take precedence"
    )
    parser.add_argument("--log-json", metavar="FILE", help="write one event a line")

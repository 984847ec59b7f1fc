"""Options that mean the same in every command that has them."""

import argparse
from typing import Any


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


def add_options_file(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--log-json`, for commands with many options and long runs."""
    parser.add_argument(
        "--config", metavar="FILE.yaml", help="options by name; those on the command line take precedence"
    )
    parser.add_argument("--log-json", metavar="FILE", help="write one event a line")

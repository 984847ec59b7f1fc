"""`overseg batch`: results of many videos, by many workers."""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from overseg.cli.config import options_of
from overseg.cli.run import log_file
from overseg.cli.settings import add_settings, given
from overseg.cli.shared import add_options_file, add_quiet
from overseg.data.settings import Settings
from overseg.errors import SettingsError
from overseg.presets import PRESETS
from overseg.report import TerminalReport

if TYPE_CHECKING:
    from overseg.batch.outcome import Outcome

_EXAMPLES = {  # options that are no setting
    "preset": "fast",
    "budget": "10m",
    "total_budget": "10h",
    "feature_cache": "4G",
}
_OPTIONS = (*Settings.names(), *_EXAMPLES)
_STATUS = "status"


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "batch",
        description="Over-segment many videos, each into a store of its own. Videos that are done are skipped, and the "
        "same command again continues the others. `overseg batch status FOLDER` says what is done, running, failed "
        "and left. docs/scale.md tells how to use several machines.",
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a video; a folder of images; a folder with such in it; a pattern; a list (.txt, .csv, .jsonl: input, "
        "name, start, end, prompts)",
    )
    parser.add_argument("--out", metavar="FOLDER", help="where the stores go: a folder, or such as s3://BUCKET/NAME")
    parser.add_argument("--workers", type=int, metavar="N", help="processes on this machine (one on each device)")
    parser.add_argument("--devices", metavar="D,D", help="devices of the workers, such as cuda:0,cuda:1 (auto)")
    parser.add_argument("--shard", metavar="i/n", help="only the i-th of n parts of the videos, from 0")
    parser.add_argument(
        "--on", metavar="ray[=ADDRESS]", help="workers on Ray, here or on a cluster, in place of processes"
    )
    parser.add_argument("--json", action="store_true", help="say what came of the videos as JSON")
    parser.add_argument("--preset", choices=tuple(PRESETS), help="default: what fits this machine")
    parser.add_argument("--budget", metavar="LIMITS", help="for each video, such as 90s, 10m, coverage=0.98, work=500")
    parser.add_argument(
        "--total-budget", metavar="LIMITS", help="for all videos together, such as 10h or work=5000; coarse ones first"
    )
    parser.add_argument(
        "--feature-cache", metavar="BYTES", help="host memory of each worker for sam2's image features (4G)"
    )
    add_options_file(parser)
    parser.add_argument("--overwrite", action="store_true", help="discard what the stores hold")
    add_quiet(parser)
    add_settings(parser, Settings)
    parser.set_defaults(call=call, if_interrupted="what was committed is kept: the same command continues from there")


def call(args: argparse.Namespace) -> int:
    """Run the batch, or say how far one is; the exit code is 1 if a video is not done."""
    if args.inputs[0] == _STATUS:
        return _status(args)
    if args.out is None:
        raise SettingsError("--out FOLDER says where the stores go: add it")
    from overseg.batch.outcome import State
    from overseg.batch.start import run_many

    with ExitStack() as stack:
        log = stack.enter_context(log_file(args.log_json)) if args.log_json else None
        report = TerminalReport(quiet=args.quiet, log=log)
        stack.callback(report.close)
        outcomes = run_many(
            args.inputs,
            args.out,
            workers=args.workers,
            devices=args.devices.split(",") if args.devices else (),
            shard=args.shard,
            on=args.on,
            overwrite=args.overwrite,
            report=report,
            **options_of(args, Settings, _EXAMPLES) | given(args, _OPTIONS),
        )
    if args.json or not args.quiet:
        _print(outcomes, as_json=args.json)
    return 0 if all(one.state is State.DONE for one in outcomes) else 1


def _status(args: argparse.Namespace) -> int:
    from overseg.batch.status import status_of

    folders = [*args.inputs[1:], *([args.out] if args.out else [])]
    if len(folders) != 1:
        raise SettingsError("status is of one folder: overseg batch status FOLDER")
    _print(status_of(folders[0]), as_json=args.json)
    return 0


def _print(outcomes: "Sequence[Outcome]", *, as_json: bool) -> None:
    from overseg.batch import status

    counts = status.counts_of(outcomes)
    if as_json:
        print(json.dumps({**counts, "each": [status.as_json(one) for one in outcomes]}, indent=2))
        return
    for line in _table([status.as_json(one) for one in outcomes]):
        print(line)
    print(", ".join(f"{n} {name}" for name, n in counts.items() if n or name == "videos"))


_WIDEST = 60  # characters
_COLUMNS = ("name", "state", "frames", "tracks", "masks", "coverage", "seconds", "stop_reason", "error")


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The rows as text, with the columns that any of them has."""
    columns = [name for name in _COLUMNS if any(name in row for row in rows)]
    cells = [columns, *([_cell(name, row.get(name, "")) for name in columns] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    for line in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _cell(column: str, value: Any) -> str:
    """A value in a line of a table; the last column may be long."""
    text = str(value)
    return text if column == _COLUMNS[-1] or len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."

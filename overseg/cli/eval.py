"""`overseg eval`: how good the tracks of a store are."""

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.cli.shared import add_moved_video, add_quiet
from overseg.errors import InputError
from overseg.report import TerminalReport

if TYPE_CHECKING:
    from overseg.evaluate.evaluation import Evaluation
    from overseg.stages import Report, Video
    from overseg.store.result import Result

_COLUMNS = {  # of the table of objects: field -> heading
    "name": "object",
    "n_seen": "frames",
    "best_track": "track",
    "best_track_j": "best J",
    "best_track_jf": "best J&F",
    "union_j": "union J",
    "n_union": "of tracks",
    "switches": "switches",
    "fragments": "fragments",
    "undersegmentation_error": "underseg.",
}


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "eval",
        help="measure how good the tracks are",
        description="Measure how good the tracks of a store are, by themselves and against ground truth.",
    )
    parser.add_argument("store", metavar="OUT.zarr", help="the store of a run")
    parser.add_argument(
        "--gt",
        metavar="PATH",
        help="objects with known masks: a folder of PNGs (DAVIS), a folder of folders of PNGs (SA-V), or JSON of SA-V, "
        "COCO with track ids, or YouTube-VIS",
    )
    parser.add_argument(
        "--skip-ends",
        action="store_true",
        help="leave out the first and the last annotated frame, as DAVIS does where the first is given",
    )
    add_moved_video(parser)
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    add_quiet(parser)
    parser.set_defaults(call=call, if_interrupted="the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Measure, and print it."""
    from overseg.evaluate.evaluation import evaluate
    from overseg.evaluate.run_frames import RunFrames
    from overseg.evaluate.truth import read_truth
    from overseg.store.result import open_result

    result = open_result(args.store)
    with ExitStack() as stack:
        report = TerminalReport(quiet=args.quiet)
        stack.callback(report.close)
        truth = read_truth(Path(args.gt), RunFrames(result, video=args.video), report) if args.gt else None
        if truth is not None and args.skip_ends:
            truth = truth.without_ends()
        found = evaluate(result, truth, _video(result, args.video, report, stack), report)
    print(json.dumps(found.as_json(), indent=2) if args.json else "\n".join(_lines(found)))
    return 0


def _video(result: "Result", path: str | None, report: "Report", stack: ExitStack) -> "Video | None":
    """The video; None with a remark where it is missing and the user did not name it."""
    from overseg.output.input_video import open_input

    try:
        return stack.enter_context(open_input(result, path))
    except InputError as e:
        if path is not None:
            raise
        report.event("remark", line=f"temporal stability is left out: {e}")
        return None


def _lines(found: "Evaluation") -> list[str]:
    lines = [f"{name:<28}{_text(value)}" for name, value in found.means().items()]
    if found.objects is None:
        return lines
    rows = [tuple(_COLUMNS.values())]
    rows += [tuple(_text(getattr(one, name)) for name in _COLUMNS) for one in found.objects]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [*lines, "", *table, "", *(f"{name:<28}{_text(value)}" for name, value in found.truth_means().items())]


def _text(value: float | int | str | None) -> str:
    return "-" if value is None or value != value else f"{value:.4f}" if isinstance(value, float) else str(value)

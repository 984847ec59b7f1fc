"""`overseg run`: over-segment a video and follow every region."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from overseg.cli.config import options_of
from overseg.cli.endings import interruptible, last_line
from overseg.cli.info import headline
from overseg.cli.settings import add_settings, given
from overseg.cli.shared import add_device, add_options_file, add_quiet
from overseg.data.setting import option
from overseg.data.settings import Settings
from overseg.errors import SettingsError
from overseg.presets import PRESETS
from overseg.report import TerminalReport

_EXAMPLES = {
    "preset": "fast",
    "device": "cuda:0",
    "budget": "10m",
    "feature_cache": "4G",
}  # options that are no setting
_OPTIONS = (*Settings.names(), *_EXAMPLES)
_PER_FRAME = {"step": 1, "propagator": "none"}


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "run",
        description="Over-segment a video and follow every region. The same command again continues where it stopped.",
    )
    parser.add_argument("input", metavar="INPUT", help="a video file, or a folder of images")
    parser.add_argument("output", metavar="OUT.zarr", help="the store to write")
    parser.add_argument("--preset", choices=tuple(PRESETS), help="default: what fits this machine")
    add_device(parser, default=None)
    parser.add_argument(
        "--budget", metavar="LIMITS", help="such as 90s, 10m, 2h, coverage=0.98, masks=100000, work=500; or several"
    )
    parser.add_argument(
        "--feature-cache", metavar="BYTES", help="host memory for sam2's image features, such as 512M (4G)"
    )
    parser.add_argument(
        "--per-frame",
        action="store_true",
        help="segment every frame by itself: a keyframe on each, without propagation",
    )
    parser.add_argument(
        "--from",
        dest="from_store",
        metavar="STORE",
        help="take the masks of a store, such as an imported one, as known on their frames, and propagate them",
    )
    parser.add_argument(
        "--render",
        action="append",
        default=[],
        metavar="DEST",
        help="draw the masks over the video, too: to a video file, or to a folder of pictures; may be repeated",
    )
    add_options_file(parser)
    parser.add_argument("--overwrite", action="store_true", help="discard what the store holds")
    add_quiet(parser)
    add_settings(parser, Settings)
    parser.set_defaults(call=call, if_interrupted="what was committed is kept: the same command continues from there")


def call(args: argparse.Namespace) -> int:
    """Run it, and say what was found."""
    from overseg.api.run import run

    chosen = options_of(args, Settings, _EXAMPLES) | given(args, _OPTIONS)
    if args.per_frame:
        chosen = _each_frame_alone(chosen)
    with ExitStack() as stack:
        log = stack.enter_context(log_file(args.log_json)) if args.log_json else None
        report = TerminalReport(quiet=args.quiet, log=log)
        stack.callback(report.close)
        stack.enter_context(interruptible(args))
        result = run(
            args.input,
            args.output,
            from_store=args.from_store,
            render=args.render,
            overwrite=args.overwrite,
            report=report,
            **chosen,
        )
    if not args.quiet:
        print(f"{args.output}: {headline(result)}")
        print(last_line(args.output, result))
    return 0


def _each_frame_alone(chosen: dict[str, Any]) -> dict[str, Any]:
    for name in _PER_FRAME:
        if name in chosen:
            raise SettingsError(
                f"--per-frame puts a keyframe on every frame and propagates nothing: leave out {option(name)}"
            )
    return chosen | _PER_FRAME


def log_file(path: str) -> IO[bytes]:
    """A log to write to, without a buffer; SettingsError where it cannot be."""
    try:
        return Path(path).open("ab", buffering=0)
    except OSError as e:
        raise SettingsError(
            f"--log-json {path} cannot be written: {e.strerror}; name a file in a folder that exists"
        ) from e

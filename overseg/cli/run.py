"""`overseg run`: over-segment a video and follow every region."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from overseg.cli.config import read_config
from overseg.cli.info import headline
from overseg.cli.shared import add_device, add_options_file, add_quiet
from overseg.data.settings import DTYPES, GENERATORS, PROPAGATORS, option
from overseg.errors import SettingsError
from overseg.presets import PRESETS
from overseg.report import TerminalReport

SETTINGS: dict[str, dict[str, Any]] = {  # setting -> how argparse reads it
    "generator": {"choices": GENERATORS, "help": "how masks are made; hierarchy is a preview without weights"},
    "propagator": {"choices": PROPAGATORS, "help": "how masks are propagated"},
    "weights": {"metavar": "NAME|PATH", "help": "the generator's checkpoint; see `overseg weights list`"},
    "propagator_weights": {"metavar": "NAME|PATH", "help": "the propagator's checkpoint"},
    "masks": {"metavar": "FOLDER", "help": "masks on disk, for --generator precomputed"},
    "dtype": {"choices": DTYPES, "help": "precision of the models"},
    "propagation_size": {
        "type": int,
        "metavar": "PIXELS",
        "help": "side of the image that sam2 propagates masks on (1024); 512 is faster and loses thin and small masks",
    },
    "max_hole_area_px": {
        "type": int,
        "metavar": "PIXELS",
        "help": "sam2 fills holes of at most this area (8), in pixels of its own masks: they are a quarter of "
        "--propagation-size wide",
    },
    "max_sprinkle_area_px": {
        "type": int,
        "metavar": "PIXELS",
        "help": "sam2 removes islands of at most this area (0), in the same pixels as --max-hole-area",
    },
    "compile": {
        "action": argparse.BooleanOptionalAction,
        "help": "run the models as compiled graphs, for long runs on CUDA",
    },
    "step": {"type": int, "help": "frames from one keyframe to the next (default 5)"},
    "points_per_side": {"type": int, "help": "prompt points on a side of the grid (16; full: 32)"},
    "pred_iou_thresh": {"type": float, "help": "least predicted IoU of a mask, 0 to 1"},
    "stability_score_thresh": {"type": float, "help": "least stability score of a mask, 0 to 1"},
    "min_mask_region_area": {
        "type": int,
        "metavar": "PIXELS",
        "help": "smaller holes and islands of masks are removed (as --min-area; with --exact 0)",
    },
    "min_coverage": {"type": float, "help": "share of a keyframe to cover by relaxing thresholds; 0 never relaxes"},
    "min_pred_iou": {"type": float, "help": "down to what --pred-iou-thresh is relaxed there (0.6)"},
    "min_stability_score": {"type": float, "help": "down to what --stability-score-thresh is relaxed there (0.7)"},
    "propagated_prompts": {
        "action": argparse.BooleanOptionalAction,
        "help": "masks propagated onto a keyframe prompt sam1 first there (with flow; not with sam2)",
    },
    "exact": {
        "action": argparse.BooleanOptionalAction,
        "help": "the masks of segment_anything's automatic generator with the same grid and thresholds, no other",
    },
    "box_nms_thresh": {"type": float, "help": "with --exact: of masks whose boxes agree more, one is kept (0.7)"},
    "crop_n_layers": {"type": int, "help": "with --exact: layers of crops that are prompted, too (0)"},
    "crop_nms_thresh": {"type": float, "help": "with --exact: as --box-nms-thresh, between crops (0.7)"},
    "crop_overlap_ratio": {"type": float, "help": "with --exact: overlap of crops, of the shorter side (0.341)"},
    "crop_n_points_downscale_factor": {
        "type": int,
        "metavar": "N",
        "help": "with --exact: each layer of crops has N times fewer points on a side (1)",
    },
    "max_masks_per_keyframe": {"type": int, "metavar": "N", "help": "keep the N largest masks of a keyframe"},
    "match_iou": {"type": float, "help": "masks that agree this much are one region (0.6)"},
    "reid": {
        "action": argparse.BooleanOptionalAction,
        "help": "let a track that ended go on as a later one that looks the same, near where it was (on)",
    },
    "min_area_px": {"type": int, "metavar": "PIXELS", "help": "a smaller mask counts as gone (100)"},
    "max_missed": {"type": int, "help": "keyframes a propagated mask may pass unmatched (3)"},
    "max_frontier": {"type": int, "help": "unmatched masks propagated past a keyframe (64)"},
    "resize": {"type": int, "metavar": "PIXELS", "help": "shrink frames to this length of the longer side"},
    "start": {"type": int, "help": "first frame (0)"},
    "end": {"type": int, "help": "frame to stop before (the video's end)"},
    "stride": {"type": int, "help": "take every stride-th frame (1)"},
}


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "run",
        help="over-segment a video and follow every region",
        description="Over-segment a video and follow every region. The same command again goes on where it stopped.",
    )
    parser.add_argument("input", metavar="INPUT", help="a video file, or a folder of images")
    parser.add_argument("output", metavar="OUT.zarr", help="the store to write")
    parser.add_argument("--preset", choices=tuple(PRESETS), help="default: what fits this machine")
    add_device(parser, default=None)
    parser.add_argument(
        "--budget", metavar="LIMITS", help="such as 90s, 10m, 2h, coverage=0.98, masks=100000, work=500; or several"
    )
    parser.add_argument(
        "--feature-cache", metavar="BYTES", help="memory in which sam2 keeps what it made of frames, such as 512M (4G)"
    )
    parser.add_argument(
        "--per-frame",
        action="store_true",
        help="segment every frame by itself: a keyframe on each, and nothing is propagated",
    )
    parser.add_argument(
        "--render",
        action="append",
        default=[],
        metavar="DEST",
        help="draw the masks over the video, too: to a video file, or to a folder of pictures; may be given again",
    )
    add_options_file(parser)
    parser.add_argument("--overwrite", action="store_true", help="throw away what the store holds")
    add_quiet(parser)
    for name, how in SETTINGS.items():
        parser.add_argument(option(name), dest=name, **how)
    parser.set_defaults(call=run, if_interrupted="what was committed is kept: the same command goes on from there")


def run(args: argparse.Namespace) -> int:
    """Run it, and say what was found."""
    from overseg.api.run import run as run_video
    from overseg.output.form import Form
    from overseg.output.render import render_result
    from overseg.output.render_options import RenderOptions
    from overseg.output.spare_input import spare_input

    given = {name: value for name, value in vars(args).items() if name in _OPTIONS and value is not None}
    kept = read_config(Path(args.config), allowed=_OPTIONS, words=_WORDS) if args.config else {}
    chosen = _each_frame_alone(kept | given) if args.per_frame else kept | given
    for destination in args.render:
        Form().format_of(Path(destination), RenderOptions())
        spare_input(destination, args.input)
    with ExitStack() as stack:
        log = stack.enter_context(log_file(args.log_json)) if args.log_json else None
        report = TerminalReport(quiet=args.quiet, log=log)
        stack.callback(report.close)
        result = run_video(args.input, args.output, overwrite=args.overwrite, report=report, **chosen)
        for destination in args.render:
            render_result(result, destination, report=report)
    if not args.quiet:
        print(f"{args.output}: {headline(result)}")
    return 0


def _each_frame_alone(chosen: dict[str, Any]) -> dict[str, Any]:
    for name in _PER_FRAME:
        if name in chosen:
            raise SettingsError(
                f"--per-frame puts a keyframe on every frame and propagates nothing: leave out {option(name)}"
            )
    return chosen | _PER_FRAME


_PER_FRAME = {"step": 1, "propagator": "none"}
_WORDS = {
    "preset": "fast",
    "device": "cuda:0",
    "budget": "10m",
    "feature_cache": "4G",
}  # option that is no setting -> example
_OPTIONS = (*SETTINGS, *_WORDS)


def log_file(path: str) -> IO[bytes]:
    """A log to write to, without a buffer; SettingsError where it cannot be."""
    try:
        return Path(path).open("ab", buffering=0)
    except OSError as e:
        raise SettingsError(
            f"--log-json {path} cannot be written: {e.strerror}; name a file in a folder that exists"
        ) from e

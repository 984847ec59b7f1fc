"""`overseg autotrack`: follow the largest objects of the first frame, without a click."""

import argparse
from contextlib import ExitStack
from typing import Any

from overseg.autotracking.backends import BACKENDS
from overseg.cli.settings import add_setting, given
from overseg.cli.shared import add_categories, add_device, add_quiet
from overseg.data.setting import settings_of
from overseg.data.track_settings import TrackSettings
from overseg.output.styles import STYLES
from overseg.report import TerminalReport

_SEEDING = ("max_objects", "seeds_per_object", "background_seeds")
_MASKS = ("points_per_side", "pred_iou_thresh", "stability_score_thresh", "use_m2m")
_WORDS = (
    "clicks",
    "detector",
    "detector_frames",
    "categories",
    "backend",
    "style",
    "format",
    "fps",
    "every",
    "quality",
    "device",
    "overwrite",
)


_TRACKING = tuple(name for name in TrackSettings.names() if name != "min_area_px")
_OPTIONS = (*_WORDS, *_TRACKING)


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "autotrack",
        description="Find masks on the first frame, click on the largest objects, and follow these through the video.",
    )
    parser.add_argument("input", metavar="INPUT", help="a video file, or a folder of images")
    parser.add_argument("output", metavar="OUT", help="the folder to write")
    parser.add_argument("--clicks", metavar="FILE", help="follow the clicks in this file, as an older call wrote it")
    parser.add_argument("--backend", default="local", help=f"{' or '.join(BACKENDS)}, which hosts SAM 2 (local)")
    add_device(parser)
    parser.add_argument("--overwrite", action="store_true", help="discard what the folder holds of an older call")
    add_quiet(parser)
    _add_choice(parser.add_argument_group("what is followed"))
    _add_masks(parser.add_argument_group("masks of the first frame"))
    _add_result(parser.add_argument_group("result"))
    tracking = parser.add_argument_group("tracking, as of `overseg track`")
    settings = settings_of(TrackSettings)
    for name in _TRACKING:
        add_setting(tracking, settings[name])
    parser.set_defaults(call=call, if_interrupted="nothing is lost: run the same command again")


def _add_choice(group: Any) -> None:
    group.add_argument(
        "--detector", metavar="MODEL", help="objects that it finds, .onnx or .pt, in place of the largest masks"
    )
    group.add_argument(
        "--detector-frames",
        type=int,
        metavar="N",
        help="it is run on the first N frames, until a detection is sure enough (1)",
    )
    add_categories(group)
    group.add_argument("--max-objects", type=int, default=3, metavar="N", help="the N largest objects (3)")
    group.add_argument(
        "--min-mask-region-area",
        type=int,
        default=500,
        dest="min_area",
        metavar="PIXELS",
        help="smaller connected parts of masks are removed (500)",
    )
    group.add_argument("--seeds-per-object", type=int, default=2, metavar="N", help="points on each (2)")
    group.add_argument("--background-seeds", type=int, default=0, metavar="N", help="points beside each (0)")


def _add_masks(group: Any) -> None:
    group.add_argument("--points-per-side", type=int, default=32, metavar="N", help="of the grid that is asked (32)")
    group.add_argument(
        "--pred-iou-thresh", type=float, default=0.88, metavar="IOU", help="least predicted IoU, 0 to 1 (0.88)"
    )
    group.add_argument(
        "--stability-score-thresh", type=float, default=0.95, metavar="SCORE", help="least stability, 0 to 1 (0.95)"
    )
    group.add_argument(
        "--use-m2m",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="ask once more with each mask as a prompt (on)",
    )


def _add_result(group: Any) -> None:
    group.add_argument("--style", metavar="S", help=f"draw the result: {', '.join(STYLES)}")
    group.add_argument("--format", metavar="F", help="mp4, mov, mkv, webm, png, jpg or webp (mp4; webm with alpha)")
    group.add_argument("--fps", type=float, metavar="N", help="frames per second of a video (the input's)")
    group.add_argument("--every", type=int, default=1, metavar="N", help="every Nth frame (1)")
    group.add_argument("--quality", type=int, default=80, metavar="Q", help="of jpg and webp, 1 to 100 (80)")


def call(args: argparse.Namespace) -> int:
    """Do it, and say what was chosen and what came of it."""
    from overseg.autotracking.backend import MaskOptions
    from overseg.autotracking.run import autotrack
    from overseg.cli.info import headline
    from overseg.prompts.seeding import Seeding

    seeding = Seeding(min_mask_region_area_px=args.min_area, **{name: getattr(args, name) for name in _SEEDING})
    masks = MaskOptions(**{name: getattr(args, name) for name in _MASKS})
    with ExitStack() as stack:
        report = TerminalReport(quiet=args.quiet)
        stack.callback(report.close)
        done = autotrack(args.input, args.output, seeding=seeding, masks=masks, report=report, **given(args, _OPTIONS))
    if not args.quiet:
        chosen = f"{len(set(done.clicks.object))} objects, {len(done.clicks)} clicks"
        of_masks = f"{done.n_masks} masks, " if done.n_masks else ""
        print(f"{args.output}: {of_masks}{chosen}{'; ' + headline(done.result) if done.result else ''}")
    return 0

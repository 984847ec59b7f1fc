"""`overseg segment`: the masks of one picture."""

import argparse
from contextlib import ExitStack
from typing import Any

from overseg.cli.settings import add_setting, given
from overseg.cli.shared import add_device, add_quiet
from overseg.data.setting import settings_of
from overseg.data.settings import Settings
from overseg.report import TerminalReport

_SHARED = ("weights", "dtype", "resize")
_OF_AUTO = (
    "generator",
    "points_per_side",
    "pred_iou_thresh",
    "stability_score_thresh",
    "min_mask_region_area",
    "min_coverage",
    "min_pred_iou",
    "min_stability_score",
    "exact",
    "box_nms_thresh",
    "crop_n_layers",
    "crop_nms_thresh",
    "crop_overlap_ratio",
    "crop_n_points_downscale_factor",
    "max_masks_per_keyframe",
    "min_area_px",
)
_WORDS = ("points", "boxes", "auto", "frame", "mask_threshold", "overlay", "device", "overwrite")
_OPTIONS = (*_SHARED, *_OF_AUTO, *_WORDS)


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "segment",
        description="Find the masks of prompted objects on a picture, or all masks of it.",
    )
    parser.add_argument("image", metavar="IMAGE", help="a picture; of a video or a folder of images, one frame")
    parser.add_argument("--frame", type=int, default=0, metavar="N", help="of a video, this frame (0)")
    add_device(parser)
    add_quiet(parser)
    _add_prompts(parser.add_argument_group("what to segment"))
    _add_result(parser.add_argument_group("result"))
    settings = settings_of(Settings)
    shared = parser.add_argument_group("models and frames")
    for name in _SHARED:
        add_setting(shared, settings[name])
    auto = parser.add_argument_group("with --auto", "how masks are made")
    for name in _OF_AUTO:
        add_setting(auto, settings[name])
    parser.set_defaults(call=call, if_interrupted="nothing was written")


def _add_prompts(group: Any) -> None:
    group.add_argument(
        "--point",
        action="append",
        dest="points",
        metavar="X,Y,LABEL",
        help="a point, with label 1 on the object and 0 beside it; may be repeated; or 'X,Y:pos X,Y:neg'",
    )
    group.add_argument(
        "--box",
        action="append",
        dest="boxes",
        metavar="X1,Y1,X2,Y2",
        help="a box around an object; may be repeated; with points, one",
    )
    group.add_argument("--auto", action="store_true", help="all masks")


def _add_result(group: Any) -> None:
    group.add_argument("--out", required=True, metavar="OUT", help="mask.png, a .json or .npz file, or a folder")
    group.add_argument("--overlay", metavar="PICTURE", help="draw the masks over the picture, too, to this file")
    group.add_argument("--overwrite", action="store_true", help="replace what has that name")
    group.add_argument(
        "--mask-threshold",
        type=float,
        default=0.0,
        metavar="LOGIT",
        help="masks lie where SAM's logits are above this (0.0)",
    )


def call(args: argparse.Namespace) -> int:
    """Find them, and say how many and how good."""
    from overseg.api.segment import segment

    with ExitStack() as stack:
        report = TerminalReport(quiet=args.quiet)
        stack.callback(report.close)
        masks = segment(args.image, args.out, report=report, **given(args, _OPTIONS))
    if not args.quiet:
        sure = ", ".join(f"{score:.3f}" for score in masks.predicted_iou[:3].tolist())
        more = ", …" if len(masks) > 3 else ""
        print(f"{args.out}: masks {len(masks)}, predicted IoU {sure}{more}" if len(masks) else f"{args.out}: masks 0")
    return 0

"""`overseg track`: follow prompted objects."""

import argparse
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from overseg.cli.config import options_of
from overseg.cli.endings import interruptible, last_line
from overseg.cli.info import headline
from overseg.cli.run import log_file
from overseg.cli.settings import add_settings, given
from overseg.cli.shared import add_categories, add_device, add_options_file, add_quiet, add_reading
from overseg.data.track_settings import TrackSettings
from overseg.errors import SettingsError
from overseg.output.tracked import (
    DETECTIONS,
    DETECTOR_BOXES,
    FRAMES,
    VIDEO,
    TrackedOutputs,
)
from overseg.report import TerminalReport
from overseg.store.places import is_address

_OPTIONS = (*TrackSettings.names(), "prompts", "detector", "click", "prompt_frame", "device", "feature_cache")
_EXAMPLES = {"device": "cuda:0", "feature_cache": "4G", "prompts": "objects.json", "detector": "cup.onnx"}


_GIVEN = (
    ("--box", "NAME[@FRAME]:X1,Y1,X2,Y2", "a box"),
    ("--point", "[NAME[@FRAME]:]X,Y,LABEL", "a point, with label 1 on the object and 0 beside it"),
    ("--mask", "NAME[@FRAME]:FILE", "a picture of its mask, black beside the object"),
)
_BESIDE = (
    ("--detections", True, f"{DETECTIONS}: a line a frame, with each object's name, number and box"),
    ("--annotated-frames", True, f"{FRAMES}/: every frame with masks, boxes and names"),
    ("--tracking-video", False, f"{VIDEO}: the same as a video"),
    ("--detector-boxes", True, f"{DETECTOR_BOXES}: what the detector found on the frames on which it prompted"),
)


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "track",
        description="Follow objects that you prompt on one frame through the whole video.",
    )
    parser.add_argument("input", metavar="INPUT", help="a video file, or a folder of images")
    parser.add_argument("output", metavar="OUT.zarr", help="the store to write")
    what_to_follow = parser.add_argument_group("what to follow", "in pixels of the input's pictures")
    _add_what(what_to_follow)
    _add_beside(parser.add_argument_group("what is written beside the store"))
    add_device(parser, default=None)
    parser.add_argument(
        "--feature-cache", metavar="BYTES", help="host memory for sam2's image features, such as 512M (4G)"
    )
    add_options_file(parser)
    parser.add_argument("--overwrite", action="store_true", help="discard what the store holds")
    add_quiet(parser)
    add_settings(parser, TrackSettings, what_to_follow=what_to_follow)
    parser.set_defaults(call=call, if_interrupted="nothing is lost: run the same command again")


def _add_what(group: Any) -> None:
    group.add_argument(
        "--prompts",
        metavar="PATH",
        help="JSON with annotation.object, LabelMe's JSON, Pascal VOC's XML; or masks that are known on some frames, "
        "in any format that import reads, or in a store",
    )
    for word, metavar, help in _GIVEN:
        group.add_argument(word, action="append", default=[], metavar=metavar, help=f"{help}; may be repeated")
    group.add_argument("--click", action="store_true", default=None, help="click on them on a page of this machine")
    group.add_argument(
        "--detector",
        metavar="FILE",
        help="finds them in every sub-sequence: .onnx, or ultralytics' .pt; with --text, weights by name or folder",
    )
    group.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="WORDS",
        help='finds "a cup" in every sub-sequence; may be repeated',
    )
    add_categories(group)
    group.add_argument(
        "--frame",
        type=int,
        dest="prompt_frame",
        metavar="N",
        help="the frame of what does not say one (that of the image that a file names, or 0)",
    )
    add_reading(group)


def _add_beside(group: Any) -> None:
    group.add_argument("--outputs", metavar="FOLDER", type=Path, help="where to (the folder in which the store lies)")
    for word, default, help in _BESIDE:
        shown = f"{help} ({'on' if default else 'off'})"
        group.add_argument(word, action=argparse.BooleanOptionalAction, default=default, help=shown)
    group.add_argument("--fps", type=float, help="of that video (the input's, or 10 where it has none)")


def call(args: argparse.Namespace) -> int:
    """Follow them, and say what came of it."""
    from overseg.api.track import track

    if args.click and args.quiet:
        raise SettingsError("--click prints the address of a page, which --quiet hides: leave one of the two out")
    outputs, folder = _outputs(args), _folder(args)
    with ExitStack() as stack:
        log = stack.enter_context(log_file(args.log_json)) if args.log_json else None
        report = TerminalReport(quiet=args.quiet, log=log)
        stack.callback(report.close)
        stack.enter_context(interruptible(args))
        result = track(
            args.input,
            args.output,
            boxes=args.box,
            points=args.point,
            masks=args.mask,
            categories=args.categories,
            text=args.text,
            first_number=args.first_number,
            strict=args.strict,
            outputs=outputs,
            outputs_folder=folder,
            overwrite=args.overwrite,
            report=report,
            **options_of(args, TrackSettings, _EXAMPLES) | given(args, _OPTIONS),
        )
    if not args.quiet:
        print(f"{args.output}: {headline(result)}")
        for name in outputs.names(result):
            print(folder / name)
        print(last_line(args.output, result))
    return 0


def _outputs(args: argparse.Namespace) -> TrackedOutputs:
    return TrackedOutputs(
        detections=args.detections,
        annotated_frames=args.annotated_frames,
        tracking_video=args.tracking_video,
        detector_boxes=args.detector_boxes,
        fps=args.fps,
    )


def _folder(args: argparse.Namespace) -> Path:
    """Where goes what is written beside the store."""
    if args.outputs is None and is_address(args.output):
        raise SettingsError(f"--outputs FOLDER says where on this machine goes what {args.output} has no place for")
    return args.outputs or Path(os.path.abspath(args.output)).parent

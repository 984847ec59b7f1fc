"""`overseg detector train`: a detector of the objects in a store."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from overseg.cli.shared import add_device, add_moved_video, add_quiet
from overseg.report import TerminalReport


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "detector",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    train = actions.add_parser(
        "train",
        help="train one on the masks of a store",
        description="Train a detector on the first frames of a store that `overseg track` made, with its own masks. "
        "An .onnx is a small detector of overseg's own; a .pt is trained by ultralytics, where that is installed.",
    )
    train.add_argument("store", metavar="OUT.zarr", help="the store")
    train.add_argument("output", metavar="DETECTOR", help="the file to write: .onnx, or ultralytics' .pt")
    train.add_argument("--train-frames", type=int, default=250, metavar="N", help="how many frames to train on (250)")
    train.add_argument("--epochs", type=int, default=300, metavar="N", help="how often each is seen, at most (300)")
    train.add_argument(
        "--patience", type=int, default=50, metavar="N", help="end after so many epochs without anything better (50)"
    )
    train.add_argument(
        "--image-size", type=int, default=640, metavar="PIXELS", help="side that it sees frames at (640)"
    )
    train.add_argument("--base", metavar="FILE", help="with .pt: what to start from (yolo11s.pt)")
    train.add_argument("--dataset", metavar="FOLDER", help="where the YOLO data set is written (DETECTOR_dataset)")
    add_moved_video(train)
    add_device(train)
    train.add_argument("--overwrite", action="store_true", help="replace an older detector")
    add_quiet(train)
    train.set_defaults(call=call, if_interrupted="no detector was written")


def call(args: argparse.Namespace) -> int:
    """Train it, and say where it is."""
    from overseg.api.detector import train_detector

    with ExitStack() as stack:
        report = TerminalReport(quiet=args.quiet)
        stack.callback(report.close)
        train_detector(
            args.store,
            args.output,
            train_frames=args.train_frames,
            epochs=args.epochs,
            patience=args.patience,
            image_size=args.image_size,
            base=args.base,
            dataset=args.dataset,
            video=args.video,
            device=args.device,
            overwrite=args.overwrite,
            report=report,
        )
    if not args.quiet:
        print(Path(args.output))
    return 0

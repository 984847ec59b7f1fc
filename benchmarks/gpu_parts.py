"""Parts of benchmarks/gpu.py: each prints JSON.

python benchmarks/gpu_parts.py machine DEVICE
python benchmarks/gpu_parts.py prepare FOLDER [--small]     a clip and random weights, for the other parts
python benchmarks/gpu_parts.py memory WEIGHTS DEVICE [--small]
python benchmarks/gpu_parts.py profile WEIGHTS CLIP DEVICE [--small]
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

_FULL_HD = (1080, 1920)


def machine(device: str) -> dict[str, Any]:
    """The device, and the versions that matter."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    versions = {one: version(one) for one in ("torch", "torchvision", "numpy")}
    return {"device": name, "cuda": torch.version.cuda, **versions, "python": sys.version.split()[0]}


def prepare(folder: str, *, small: bool) -> dict[str, Any]:
    """Write the frames and the weights that are not in the cache."""
    out, started = Path(folder), time.perf_counter()
    _write_clip(out / "clip", *((4, (64, 96)) if small else (40, (480, 854))))
    made = {
        "sam2": _linked("sam2.1_hiera_large", out / "sam2.pt") or _random_sam2(out / "sam2.pt", "t" if small else "l"),
        "sam": "none" if small else _linked("vit_h", out / "sam.pth") or _random_vit_h(out / "sam.pth"),
    }
    return {"weights": made, "seconds": time.perf_counter() - started}


def memory(weights: str, device: str, *, small: bool) -> dict[str, Any]:
    """Peak memory of the device for many masks through two frames of 1080p."""
    from overseg.data.visit import Direction

    n_masks, size = (3, (96, 128)) if small else (300, _FULL_HD)
    propagator = _propagator(weights, device, small=small)
    frames = [_picture(number, size) for number in range(3)]
    started = time.perf_counter()
    masks = propagator.propagate(_clip_of(frames), _discs(n_masks, size), Direction.FORWARD).masks
    peak_gb = torch.cuda.max_memory_allocated(device) / 1e9 if device.startswith("cuda") else None
    seconds = time.perf_counter() - started
    return {"masks": n_masks, "propagated": len(masks), "peak_gb": peak_gb, "seconds": seconds}


def profile(weights: str, clip: str, device: str, *, small: bool) -> dict[str, Any]:
    """The operations of one visit that take most time, and the encoder's share of it."""
    from torch.profiler import ProfilerActivity

    from overseg.data.visit import Direction
    from overseg.stages import Clip
    from overseg.video.open import open_video

    on_gpu = device.startswith("cuda")
    propagator = _propagator(weights, device, small=small)
    with open_video(clip, end=3 if small else 6) as video:
        visit = Clip(video, 0, len(video) - 1), _discs(2 if small else 64, video.info.size), Direction.FORWARD
        propagator.propagate(*visit)  # the first one compiles kernels
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
        with torch.profiler.profile(activities=activities) as found:
            propagator.propagate(*visit)
    key = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    events = sorted(found.key_averages(), key=lambda one: -getattr(one, key))
    whole = sum(getattr(one, key) for one in events) or 1
    rows = [{"operation": one.key[:90], "calls": one.count, "ms": getattr(one, key) / 1e3} for one in events[:25]]
    return {"rows": [{**row, "share": row["ms"] * 1e3 / whole} for row in rows]}


def _propagator(weights: str, device: str, *, small: bool) -> Any:
    from overseg.propagate.sam2.model import load_sam2
    from overseg.propagate.sam2.propagator import Sam2Propagator

    model = load_sam2(weights, device=device, image_size=64 if small else None)
    return Sam2Propagator(model, dtype="float32" if small else "bfloat16", min_area_px=1, feature_cache_bytes=0)


def _clip_of(frames: list[np.ndarray]) -> Any:
    from overseg.stages import Clip
    from overseg.video.open import open_video

    return Clip(open_video(frames), 0, len(frames) - 1)


def _discs(n: int, size: tuple[int, int]) -> Any:
    from overseg.data.rles import Rles

    random = np.random.default_rng(0)
    height, width = size
    y, x = np.mgrid[:height, :width]
    places = random.uniform((0.2, 0.2, 0.05), (0.8, 0.8, 0.3), (n, 3))
    discs = ((y - v * height) ** 2 + (x - u * width) ** 2 < (r * height) ** 2 for v, u, r in places)
    return Rles.concatenate(size, [Rles.from_masks(disc[None]) for disc in discs])


def _picture(number: int, size: tuple[int, int]) -> np.ndarray:
    """Discs of several colours over stripes, which move from picture to picture."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([100 + 60 * np.sin((x + k * y + 3 * number) / (20 + 9 * k)) for k in range(3)], axis=-1)
    for k, (v, u, radius) in enumerate(np.random.default_rng(1).uniform((0, 0, 0.04), (1, 1, 0.2), (12, 3))):
        disc = (y - v * height) ** 2 + (x - u * width - number * (k - 6)) ** 2 < (radius * height) ** 2
        rgb[disc] = (20 * k, 240 - 15 * k, 40 + 60 * (k % 4))
    return rgb.clip(0, 255).astype(np.uint8)


def _write_clip(folder: Path, n_frames: int, size: tuple[int, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n_frames):
        Image.fromarray(_picture(number, size)).save(folder / f"{number:04d}.png")


def _linked(name: str, path: Path) -> str | None:
    """A link to real weights, where they are in the cache."""
    from overseg.weights import catalogue, missing_files, weights_path

    if missing_files(catalogue()[name]):
        return None
    path.unlink(missing_ok=True)
    path.symlink_to(weights_path(name))
    return name


def _random_sam2(path: Path, size: str) -> str:
    from overseg.propagate.sam2.random import save_random_sam2

    save_random_sam2(path, "2.1", size=size)
    return f"random, Hiera {size}"


def _random_vit_h(path: Path) -> str:
    from overseg.generate.sam_models import random_vit_sam

    torch.save(random_vit_sam(1280, 32).state_dict(), path)
    return "random, ViT-H"


if __name__ == "__main__":
    part, *words = sys.argv[1:]
    small = "--small" in words
    words = [word for word in words if word != "--small"]
    found = machine(*words) if part == "machine" else globals()[part](*words, small=small)
    print(json.dumps(found))

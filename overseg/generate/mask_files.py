"""Readers of mask files. Each reads the masks of one frame of a known size, or says in one line what is wrong."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from PIL import Image, UnidentifiedImageError

from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.generate.mask_stack import opened_stack
from overseg.generate.rle_text import to_counts
from overseg.video.packets import refuse_absurd_size, refuse_swelling

_COLOUR_MODES = {"RGB", "RGBA", "CMYK", "YCbCr"}
_MASKS_AT_ONCE = 64


def read_id_map(path: Path, size: tuple[int, int]) -> KeyframeMasks:
    """Masks of a picture in which each value (grey, 16-bit, palette) or colour, but 0 and black, is one mask."""
    ids = _read_ids(path, size)
    values = np.unique(ids[ids != 0])
    chunks = np.split(values, range(_MASKS_AT_ONCE, len(values), _MASKS_AT_ONCE))
    parts = (Rles.from_masks(ids[None] == chunk[:, None, None]) for chunk in chunks)
    return KeyframeMasks.from_rles(Rles.concatenate(size, parts))


def id_map_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture of masks."""
    height, width = _read_pixels(path).shape[:2]
    return height, width


def read_png_folder(folder: Path, size: tuple[int, int]) -> KeyframeMasks:
    """Masks of a folder with a PNG for each, by name; not 0 where mask. They may overlap."""
    parts = (Rles.from_masks(_read_ids(path, size)[None] != 0) for path in sorted(folder.glob("*.png")))
    return KeyframeMasks.from_rles(Rles.concatenate(size, parts))


def png_folder_size(folder: Path) -> tuple[int, int] | None:
    """(height, width) of the masks in a folder; None where it has none."""
    first = min(folder.glob("*.png"), default=None)
    return None if first is None else id_map_size(first)


def read_stack(path: Path, size: tuple[int, int]) -> KeyframeMasks:
    """Masks of an npz file: its array [n, height, width] "masks", or its only one; not 0 where mask."""
    with opened_stack(path) as stack:
        _check_size(stack.size, size, path)
        return KeyframeMasks.from_rles(stack.rles())


def stack_size(path: Path) -> tuple[int, int]:
    """(height, width) of the masks in an npz file."""
    with opened_stack(path) as stack:
        return stack.size


def read_coco(path: Path, size: tuple[int, int]) -> KeyframeMasks:
    """Masks of a JSON list of {"segmentation": {"size": [height, width], "counts"}}, as SAM's mask generator writes it.

    Counts are compressed or a list of runs. "predicted_iou", "stability_score" and "point_coords" are read where they
    are there. The list may also stand under "annotations", as in SA-1B's files.
    """
    entries = _read_entries(path)
    try:
        counts = tuple(_counts(entry["segmentation"], size, path) for entry in entries)
        return replace(
            KeyframeMasks.from_rles(Rles(size, counts)),
            predicted_iou=_scores(entries, "predicted_iou"),
            stability_score=_scores(entries, "stability_score"),
            point_xy=np.array([_point(entry) for entry in entries], np.float32).reshape(-1, 2),
        )
    except (KeyError, TypeError, ValueError, IndexError) as e:
        raise InputError(
            f'expected masks as {{"segmentation": {{"size": [height, width], "counts": COCO RLE}}}} in {path}, got '
            f"something else ({type(e).__name__}: {_first_line(e)}); polygons have to be turned into RLE first"
        ) from e


def coco_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of the masks in a JSON list; None where it has none."""
    for entry in _read_entries(path)[:1]:
        try:
            height, width = (int(px) for px in entry["segmentation"]["size"])
        except (KeyError, TypeError, ValueError) as e:
            raise InputError(f'expected masks as {{"segmentation": {{"size": [height, width], …}}}} in {path}') from e
        return height, width
    return None


def _read_ids(path: Path, size: tuple[int, int]) -> Int64[np.ndarray, "h w"]:
    """A number for each pixel: its value, its place in the palette, or its colour; 0 for black."""
    pixels = _read_pixels(path)
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        pixels = pixels @ np.array([1 << 16, 1 << 8, 1])
    elif pixels.ndim == 3:
        pixels = pixels[..., 0]  # grey or palette with alpha, which is not looked at
    _check_size((pixels.shape[0], pixels.shape[1]), size, path)
    return pixels


def _read_pixels(path: Path) -> Int64[np.ndarray, "h w *channels"]:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            refuse_absurd_size((image.height, image.width), path)
            refuse_swelling((image.height, image.width), path.stat().st_size, path)
            return np.asarray(image.convert("RGB") if image.mode in _COLOUR_MODES else image).astype(np.int64)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as e:
        raise InputError(f"expected masks as a PNG in {path}, cannot read it: {_first_line(e)}") from e


def _read_entries(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise InputError(f"expected JSON in {path}, cannot read it: {_first_line(e)}") from e
    if isinstance(content, dict):
        content = content.get("annotations")
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise InputError(f'expected a list of masks in {path}, or one under "annotations", got neither')
    return content


def _counts(segmentation: dict[str, Any], size: tuple[int, int], path: Path) -> bytes:
    height, width = (int(px) for px in segmentation["size"])
    _check_size((height, width), size, path)
    return to_counts(segmentation["counts"], n_pixels=height * width, height=height)


def _scores(entries: list[dict[str, Any]], key: str) -> Float32[np.ndarray, " n"]:
    """A score for each mask, cut to [0, 1], since models overshoot; 1 where the file has none."""
    scores = np.array([1.0 if entry.get(key) is None else float(entry[key]) for entry in entries], np.float32)
    if not np.isfinite(scores).all():
        raise ValueError(f"{key} is not finite")
    return scores.clip(0, 1)


def _point(entry: dict[str, Any]) -> tuple[float, float]:
    """The prompt point of a mask, where it was exactly one."""
    points = entry.get("point_coords")
    if not points or len(points) != 1:
        return (float("nan"), float("nan"))
    x, y = points[0]
    return float(x), float(y)


def _check_size(got: tuple[int, int], expected: tuple[int, int], path: Path) -> None:
    if got != expected:
        raise InputError(
            f"expected masks of the frame's size {expected[1]}x{expected[0]} in {path}, got {got[1]}x{got[0]}; "
            "make them for frames of this size, or see --resize"
        )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]

"""A camera that pans and zooms over a real photograph: what is seen where is known exactly."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage.segmentation import felzenszwalb

SIZE = (160, 224)
N_REGIONS = 8


def camera(frame: int, n_frames: int) -> np.ndarray:
    """The affine map [2, 3] from the photograph to a frame: it pans, and zooms in by a third."""
    at = frame / max(n_frames - 1, 1)
    zoom = 0.75 + 0.25 * at
    left, top = 60 + 60 * at, 40 + 30 * np.sin(np.pi * at)
    return np.array([[zoom, 0, -zoom * left], [0, zoom, -zoom * top]])


def regions(photograph: np.ndarray) -> list[np.ndarray]:
    """The largest regions of a photograph by their colour (Felzenszwalb, Huttenlocher, IJCV 2004), bool [h, w]."""
    labels = felzenszwalb(photograph, scale=400, sigma=1.2, min_size=600)
    return [labels == label for label in np.argsort(-np.bincount(labels.ravel()))[:N_REGIONS]]


def write_clip(folder: Path, photograph: np.ndarray, n_frames: int) -> tuple[Path, Path, Path]:
    """Frames, their truth as SA-V has it, and as stacks for the precomputed generator."""
    frames, truth, masks = (folder / name for name in ("frames", "truth", "masks"))
    parts = regions(photograph)
    for path in (frames, masks, *(truth / str(number) for number in range(len(parts)))):
        path.mkdir(parents=True)
    for frame in range(n_frames):
        view, size = camera(frame, n_frames), SIZE[::-1]
        Image.fromarray(cv2.warpAffine(photograph, view, size)).save(frames / f"{frame:05}.png")
        seen = [cv2.warpAffine(part.astype(np.uint8), view, size, flags=cv2.INTER_NEAREST) for part in parts]
        for number, mask in enumerate(seen):
            Image.fromarray(mask * 255).save(truth / str(number) / f"{frame:05}.png")
        np.savez(masks / f"{frame:05}.npz", masks=np.array(seen))
    return frames, truth, masks

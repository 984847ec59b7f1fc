"""Answers of the hosted models in tests: masks of a picture, and mattes of clicked objects as video or pictures."""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from overseg.output.video_writer import VideoWriter

N_FRAMES, STEP_PX = 4, 4
SIZE = (180, 260)


def png(mask: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(255 * mask.astype(np.uint8)).save(file, format="PNG")
    return file.getvalue()


def boxes() -> list[np.ndarray]:
    """Two objects, one of them twice, and a speck."""
    masks = np.zeros((4, *SIZE), bool)
    masks[0, 30:70, 40:90] = masks[1, 80:170, 20:120] = masks[2, 80:170, 20:118] = masks[3, 5:15, 5:15] = True
    return list(masks)


def find_masks(input: dict[str, Any]) -> dict[str, Any]:
    assert Image.open(BytesIO(input["image"])).size == SIZE[::-1]
    return {"combined_mask": b"no picture", "individual_masks": [png(mask) for mask in boxes()]}


def follow(input: dict[str, Any]) -> list[bytes]:
    """A matte of each frame that was asked for, as pictures, or as a video."""
    mattes = [matte(frame) for frame in range(0, N_FRAMES, input["output_frame_interval"])]
    return [_mp4(mattes)] if input["output_video"] else [png(one) for one in mattes]


def matte(frame: int) -> np.ndarray:
    """Where the second object is on a frame."""
    return np.roll(boxes()[1], -STEP_PX * frame, axis=1)


def _mp4(mattes: list[np.ndarray]) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mattes.mp4"
        with VideoWriter(path, fps=25, size=SIZE) as writer:
            for one in mattes:
                writer.write(255 * one.astype(np.uint8)[..., None])
        return path.read_bytes()


MODELS = {"meta/sam-2": find_masks, "meta/sam-2-video": follow}

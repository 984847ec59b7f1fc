"""What the hosted models answer in tests: masks of a picture, and a video, or pictures, of what was clicked."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

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
    """The video as it came, or a picture of each frame that was asked for."""
    if input["output_video"]:
        return [input["input_video"]]
    frames = range(0, N_FRAMES, input["output_frame_interval"])
    return [png(np.roll(boxes()[1], -STEP_PX * frame, axis=1)) for frame in frames]


MODELS = {"meta/sam-2": find_masks, "meta/sam-2-video": follow}

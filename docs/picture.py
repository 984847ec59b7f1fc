"""Makes docs/bunny.jpg, the picture in the README: `python docs/picture.py`.

Runs overseg with its default settings on the clip of `overseg demo` (Big Buck Bunny, (c) Blender Foundation, CC BY
3.0), and puts three pictures side by side: a frame, its masks, and the masks of a later frame in the same colours.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import overseg
from overseg.output.overlay import draw_masks
from overseg.weights.demo_clip import demo_clip

FIRST, LATER, END = 5, 35, 40  # frames
WIDTH_PX, GAP_PX = 420, 6


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        result = overseg.run(demo_clip(), Path(folder, "bunny.zarr"), end=END, resize=640)
        first, later = result.masks_at(FIRST), result.masks_at(LATER)
        pictures = [first.frame_rgb, *(draw_masks(masks.frame_rgb, masks) for masks in (first, later))]
    height = round(WIDTH_PX * result.size[0] / result.size[1])
    strip = np.full((height, 3 * WIDTH_PX + 2 * GAP_PX, 3), 255, np.uint8)
    for at, picture in enumerate(pictures):
        small = Image.fromarray(picture).resize((WIDTH_PX, height), Image.Resampling.LANCZOS)
        strip[:, at * (WIDTH_PX + GAP_PX) :][:, :WIDTH_PX] = np.asarray(small)
    Image.fromarray(strip).save(Path(__file__).with_name("bunny.jpg"), quality=88, optimize=True)


if __name__ == "__main__":
    main()

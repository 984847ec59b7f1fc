"""Makes docs/coffee.png, the picture in the README: `python docs/picture.py`.

A camera moves over the photograph of a cup from scikit-image (Rachel Michetti, CC0). overseg runs on that video with
its default settings. The middle frame is drawn beside its masks.
"""

import tempfile
from pathlib import Path

import cv2
from skimage import data

import overseg
from overseg.output.picture_file import write_picture
from overseg.output.render import render_frame
from overseg.output.render_options import RenderOptions
from overseg.output.video_writer import VideoWriter
from overseg.video.open import open_video

N_FRAMES = 16
HEIGHT, WIDTH = 360, 540


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        video, store = Path(folder, "coffee.mp4"), Path(folder, "coffee.zarr")
        photograph = data.coffee()
        with VideoWriter(video, 25, (HEIGHT, WIDTH)) as writer:
            for frame in range(N_FRAMES):
                window = photograph[frame * 2 : frame * 2 + 368, frame * 3 : frame * 3 + 552]
                writer.write(cv2.resize(window, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
        result = overseg.run(video, store)
        with open_video(video) as frames:
            picture = render_frame(result, frames, N_FRAMES // 2, render_options=RenderOptions(side_by_side=True))
    write_picture(Path(__file__).with_name("coffee.png"), picture)


if __name__ == "__main__":
    main()

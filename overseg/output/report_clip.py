"""A small video of a result for its report."""

import tempfile
from pathlib import Path

import numpy as np

from overseg.output.overlay import draw_masks
from overseg.output.video_writer import VideoWriter
from overseg.stages import Report, Video
from overseg.store.result import Result

_WIDTH_PX, _MOST_FRAMES, _USUAL_FPS = 480, 300, 25.0
_GREY = 168  # of frames whose video is missing


def report_clip(result: Result, video: Video | None, report: Report) -> bytes:
    """Return an MP4 of at most 300 frames, evenly spaced, with the masks in the colours of their tracks.

    Args:
        result: holds the masks.
        video: the frames that it was made from; None shows the masks on grey.
        report: receives the number of frames drawn.

    Raises:
        InputError: the video is damaged at a frame.
    """
    import cv2

    height, width = result.size
    size = max(1, round(height * min(1.0, _WIDTH_PX / width))), min(width, _WIDTH_PX)
    step = max(1, -(-len(result) // _MOST_FRAMES))
    frames = range(0, len(result), step)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        with VideoWriter(path, (result.info.fps or _USUAL_FPS) / step, size) as writer:
            for done, frame in enumerate(frames, start=1):
                rgb = np.full((height, width, 3), _GREY, np.uint8) if video is None else video[frame].rgb
                drawn = draw_masks(rgb, result.masks_at(frame))
                writer.write(cv2.resize(drawn, size[::-1], interpolation=cv2.INTER_AREA))
                report.progress("draw", done, len(frames))
        return path.read_bytes()

"""A result in a few lines for people."""

import base64
import html
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from overseg.data.video_info import VideoInfo

if TYPE_CHECKING:
    from overseg.store.result import Result

_QUALITY = 80  # of the picture in a notebook, from 1 to 100


def six_lines(result: "Result") -> str:
    """What `print(result)` shows: input, masks, tracks, coverage, how the run ended, what is left.

    Example:
        >>> print(overseg.open("cup.zarr"))  # doctest: +SKIP
        cup.zarr: cup.mp4, 60 frames of 854 x 480 px, 1 shot
        masks        5210 on 60 frames, made on 13 keyframes
        tracks       154, each on 33.8 frames on average
        coverage     0.965 of all pixels, under 1.66 masks on average
        run          complete, in 87 s on cpu
        left undone  nothing
    """
    lengths = result.tracks.n_frames[result.tracks.exists]
    facts, n_tracks = result.summary, len(lengths)
    keyframes = "1 keyframe" if facts["n_keyframes"] == 1 else f"{facts['n_keyframes']} keyframes"
    length = float(lengths.mean()) if n_tracks else 0.0
    lines = {
        f"{result.path}:": _input(result.info, facts["n_shots"]),
        "masks": f"{result.frames.n_masks.sum()} on {len(result)} frames, made on {keyframes}",
        "tracks": f"{n_tracks}, each on {length:.1f} frames on average",
        "coverage": f"{result.coverage:.3f} of all pixels, under {result.depth:.2f} masks on average",
        "run": f"{facts['stop_reason']}, in {facts['seconds_total']:.0f} s on {result.provenance.get('device', '-')}",
        "left undone": facts["left_undone"] or "nothing",
    }
    (first, about), *others = lines.items()
    return "\n".join([f"{first} {about}", *(f"{name:<12} {text}" for name, text in others)])


def as_html(text: str, pictures: Mapping[str, UInt8[np.ndarray, "h w 3"]]) -> str:
    """The lines with pictures below them, for a notebook; each picture under the name of what it shows."""
    return "".join([f"<pre>{html.escape(text)}</pre>", *(_picture(name, rgb) for name, rgb in pictures.items())])


def _picture(name: str, rgb: UInt8[np.ndarray, "h w 3"]) -> str:
    from PIL import Image  # 20 ms that reading a result should not take

    content = io.BytesIO()
    Image.fromarray(rgb).save(content, "webp", quality=_QUALITY)
    encoded = base64.b64encode(content.getvalue()).decode()
    return f'<img alt="{html.escape(name)}" style="max-width: 100%" src="data:image/webp;base64,{encoded}">'


def _input(info: VideoInfo, n_shots: int) -> str:
    shots = "1 shot" if n_shots == 1 else f"{n_shots} shots"
    return f"{info.name}, {info.n_frames} frames of {info.width} x {info.height} px, {shots}"

"""SAM 2 on Replicate: masks of a picture, and tracks of clicked objects through a video."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from overseg.data.rles import Rles
from overseg.errors import HostError
from overseg.hosted.replicate import Replicate

IMAGE_MODEL, VIDEO_MODEL = "meta/sam-2", "meta/sam-2-video"
_FOREGROUND = 1  # values above this are the object


def masks_of_picture(
    replicate: Replicate,
    picture: Path,
    *,
    size: tuple[int, int],
    points_per_side: int,
    pred_iou_thresh: float,
    stability_score_thresh: float,
    use_m2m: bool,
) -> Rles:
    """Return all non-empty masks that the hosted model finds on a picture.

    Args:
        replicate: runs the model.
        picture: the file to send.
        size: (height, width) of the picture; masks of another size are scaled to it.
        points_per_side, pred_iou_thresh, stability_score_thresh, use_m2m: options of the model.

    Raises:
        HostError: the model cannot be used, or returns no masks.
    """
    prediction = replicate.run(
        IMAGE_MODEL,
        {
            "image": replicate.upload(picture),
            "points_per_side": points_per_side,
            "pred_iou_thresh": pred_iou_thresh,
            "stability_score_thresh": stability_score_thresh,
            "use_m2m": use_m2m,
        },
    )
    masks = []
    with TemporaryDirectory() as folder:
        for number, url in enumerate(_mask_urls(prediction.get("output"))):
            file = Path(folder) / str(number)
            replicate.download(url, file)
            masks.append(_read_mask(file, number, size))
    found = Rles.concatenate(size, masks)
    return found.take(np.flatnonzero(found.area_px() > 0))


def track_video(replicate: Replicate, video: Path, clicks: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    """Track clicked objects through a video; return the prediction's JSON, whose `output` has the files' addresses.

    Args:
        replicate: runs the model.
        video: the file to send.
        clicks: the four strings; see `Clicks.strings`.
        options: the model's options for the form of its output.

    Raises:
        HostError: the model cannot be used.
    """
    return replicate.run(VIDEO_MODEL, {"input_video": replicate.upload(video), **clicks, **options})


def download_result(
    replicate: Replicate, prediction: dict[str, Any], destination: Path, *, format: str, every: int
) -> None:
    """Download the files of a prediction: one video, or pictures called `frame_<number>.<format>`.

    Args:
        replicate: downloads them.
        prediction: as `track_video` returns it.
        destination: the video's file, or an existing folder for the pictures.
        format: ending of the pictures without its dot.
        every: the pictures are of every how many frames, from frame 0 on.

    Raises:
        HostError: there are no files, or a download fails.
    """
    urls = _urls(prediction.get("output"))
    if not urls:
        raise HostError(f"{VIDEO_MODEL} returned no file: try other clicks")
    if not destination.is_dir():
        replicate.download(urls[0], destination)
        return
    for number, url in enumerate(urls):
        replicate.download(url, destination / f"frame_{every * number:05d}.{format}")


def _mask_urls(output: Any) -> Sequence[str]:
    """Addresses of the single masks, in any of the model's output forms."""
    if isinstance(output, dict) and "individual_masks" in output:
        output = output["individual_masks"]
    urls = _urls(output)
    if not urls:
        raise HostError(
            f"{IMAGE_MODEL} returned no masks: lower --pred-iou-thresh or --stability-score-thresh, or take more points"
        )
    return urls


def _urls(output: Any) -> list[str]:
    if isinstance(output, str):
        return [output]
    if isinstance(output, dict):
        return next((_urls(output[key]) for key in ("mask", "image", "output", "url") if key in output), [])
    return [url for one in output for url in _urls(one)] if isinstance(output, list) else []


def _read_mask(file: Path, number: int, size: tuple[int, int]) -> Rles:
    try:
        with Image.open(file) as image:
            grey = image.convert("L")
            fitting = grey if grey.size == size[::-1] else grey.resize(size[::-1], Image.Resampling.NEAREST)
            return Rles.from_masks(np.asarray(fitting)[None] > _FOREGROUND)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as e:
        raise HostError(f"{IMAGE_MODEL} returned mask {number} as something that is not a picture: try again") from e

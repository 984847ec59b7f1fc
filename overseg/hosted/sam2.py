"""SAM 2 on Replicate: masks of a picture, and objects followed through a video from clicks."""

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
_FOREGROUND = 1  # values of a mask above it are the object


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
    """All masks that the hosted model finds on a picture, those that are not empty.

    Args:
        replicate: runs it.
        picture: the file that is sent.
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
    """Have objects followed through a video; the prediction's JSON, whose `output` names the files that came of it.

    Args:
        replicate: runs the model.
        video: the file that is sent.
        clicks: the four strings; see `Clicks.strings`.
        options: of the model: what is returned, and in what form.

    Raises:
        HostError: the model cannot be used.
    """
    return replicate.run(VIDEO_MODEL, {"input_video": replicate.upload(video), **clicks, **options})


def download_result(
    replicate: Replicate, prediction: dict[str, Any], destination: Path, *, format: str, every: int
) -> None:
    """Keep the files that a prediction names: one video, or pictures called `frame_<number>.<format>`.

    Args:
        replicate: has them.
        prediction: of `track_video`.
        destination: the video's file, or the folder for the pictures, which is there.
        format: ending of the pictures without its dot.
        every: of so many frames the first is there.

    Raises:
        HostError: there are none, or one cannot be had.
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
    """Where single masks are, in whichever of its forms the model says it."""
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
        raise HostError(f"{IMAGE_MODEL} returned something that is no picture as mask {number}: try again") from e

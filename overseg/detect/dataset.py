"""Writes a store as a YOLO data set: pictures, and one line per box of a mask."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Float32, Int32

from overseg.errors import InputError
from overseg.files.destination import written
from overseg.output.input_video import open_input
from overseg.output.picture_file import write_picture
from overseg.stages import Report
from overseg.store.result import Result

DESCRIPTION = "data.yaml"
_NO_NAME = "object"
_VALIDATION_EVERY = 5  # every fifth frame is for validation, to stop training before it overfits


@dataclass(frozen=True)
class LabelledPicture:
    """A picture of a data set with its boxes.

    Attributes:
        path: the picture's file.
        category: number of each box's category.
        boxes_xywh: centre, width and height of each box, as shares of the picture's width and height.
    """

    path: Path
    category: Int32[np.ndarray, " n"]
    boxes_xywh: Float32[np.ndarray, "n 4"]


def write_dataset(
    result: Result, folder: Path, *, n_frames: int, video: str | Path | None = None, report: Report
) -> Path:
    """Write the first frames of a result as a data set in YOLO's layout; return its description, `data.yaml`.

    Args:
        result: a result of `overseg track`. The data set has its categories; tracks without a name are of "object".
        folder: destination; it appears once it is complete, and replaces an older data set.
        n_frames: number of frames, from the first on.
        video: present path of the input, if it was moved.
        report: receives the number of frames written.

    Raises:
        InputError: these frames have no mask, the input is missing, or the folder cannot be written.
    """
    names = result.names
    kinds = [names[track].category if track in names else _NO_NAME for track in range(len(result.tracks))]
    categories = list(dict.fromkeys(kinds))
    n_frames = min(n_frames, len(result))
    if not result.frames.n_masks[:n_frames].any():
        raise InputError(f"expected masks on the first {n_frames} frames of {result.path}, found none to train on")
    older = ("images", "labels", DESCRIPTION, "labels.cache")
    with written(folder, overwrite=True, ours=older) as place, open_input(result, video) as frames:
        for part in ("train", "val"):
            for kind in ("images", "labels"):
                (place / kind / part).mkdir(parents=True)
        for number in range(n_frames):
            part = "val" if number % _VALIDATION_EVERY == _VALIDATION_EVERY - 1 or n_frames == 1 else "train"
            write_picture(place / "images" / part / f"{number:06d}.jpg", frames[number].rgb)
            (place / "labels" / part / f"{number:06d}.txt").write_text(_lines(result, number, kinds, categories))
            report.progress("data set", number + 1, n_frames)
        described = {"path": str(folder.resolve()), "train": "images/train", "val": "images/val"}
        described["names"] = dict(enumerate(categories))  # type: ignore[assignment]
        (place / DESCRIPTION).write_text(yaml.safe_dump(described, sort_keys=False, allow_unicode=True))
    return folder / DESCRIPTION


def _lines(result: Result, frame: int, kinds: list[str], categories: list[str]) -> str:
    height, width = result.size
    masks = result.masks_at(frame)
    lines = []
    for track, (left, top, box_width, box_height) in zip(
        masks.track.tolist(), masks.rles.boxes_xywh().tolist(), strict=True
    ):
        shares = (left + box_width / 2) / width, (top + box_height / 2) / height, box_width / width, box_height / height
        lines.append(" ".join([str(categories.index(kinds[track])), *(f"{share:.6f}" for share in shares)]))
    return "\n".join(lines) + "\n" if lines else ""


def read_dataset(folder: Path) -> tuple[tuple[str, ...], list[LabelledPicture], list[LabelledPicture]]:
    """Read a data set of `write_dataset`: its categories, and its pictures for training and for validation."""
    described = yaml.safe_load((folder / DESCRIPTION).read_text())
    names = described["names"]
    train, validation = (
        [_labelled_picture(path) for path in sorted((folder / described[part]).iterdir())] for part in ("train", "val")
    )
    return tuple(names[number] for number in range(len(names))), train or validation, validation or train


def _labelled_picture(picture: Path) -> LabelledPicture:
    labels = picture.parent.parent.parent / "labels" / picture.parent.name / f"{picture.stem}.txt"
    rows = np.array([line.split() for line in labels.read_text().splitlines()], np.float32).reshape(-1, 5)
    return LabelledPicture(picture, rows[:, 0].astype(np.int32), rows[:, 1:])

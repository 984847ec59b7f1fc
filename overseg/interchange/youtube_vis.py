"""YouTube-VIS and OVIS: one annotation for each object, with a mask or null for every frame.

Run lengths are lists of numbers, as in the data sets' own files, which some readers insist on.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overseg.data.crops import run_lengths
from overseg.errors import InputError
from overseg.evaluate.json_stream import items
from overseg.interchange.imported import LARGEST_ID, Gathered, Imported
from overseg.interchange.json_input import as_counts, as_size, checked, only_video, within
from overseg.interchange.json_output import write_json
from overseg.interchange.selection import Selection

FILE = "annotations.json"
_VIDEO = 1


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `annotations.json`; `file_names` are those of the pictures, below their common folder."""
    height, width = selection.size
    video = {
        "id": _VIDEO,
        "width": width,
        "height": height,
        "length": len(selection),
        "file_names": ["/".join(Path(name).parts[-2:]) for name in pictures],
    }
    categories = [
        {"id": number, "name": name, "supercategory": name} for number, name in enumerate(selection.categories, 1)
    ]
    members = {
        "info": {"description": f"{selection.result.info.name}, over-segmented", "contributor": "overseg"},
        "licenses": [],
        "videos": [video],
        "categories": categories,
        "annotations": _annotations(selection),
    }
    write_json(folder / FILE, members)


def _annotations(selection: Selection) -> Iterator[dict[str, Any]]:
    height, width = selection.size
    for id, category in zip(selection.objects.id.tolist(), selection.objects.category.tolist(), strict=True):
        masks = selection.masks_of(id)
        segmentations: list[Any] = [None] * len(selection)
        boxes: list[Any] = [None] * len(selection)
        areas: list[Any] = [None] * len(selection)
        columns = (masks.frame - selection.frames.start, masks.rles.boxes_xywh(), masks.rles.area_px())
        rows = zip(*(column.tolist() for column in columns), masks.rles.counts, strict=True)
        for position, box, area, counts in rows:
            segmentations[position] = {"size": [height, width], "counts": run_lengths(counts).tolist()}
            boxes[position], areas[position] = box, area
        yield {
            "id": id + 1,
            "video_id": _VIDEO,
            "category_id": category + 1,
            "iscrowd": 0,
            "width": width,
            "height": height,
            "length": len(masks),
            "score": float(masks.score.mean()) if len(masks) else 0.0,
            "segmentations": segmentations,
            "bboxes": boxes,
            "areas": areas,
        }


def read(source: Path) -> Imported:
    """Read the objects of the one video in the file.

    Raises:
        InputError: the file cannot be read, holds several videos, or a part of it is wrong.
    """
    video = only_video(source)
    with checked(source, "videos[0]"):
        size, n_frames = as_size(video["height"], video["width"], source), len(video["file_names"])
    gathered = Gathered(size)
    for at, annotation in enumerate(items(source, "annotations.item")):
        with checked(source, f"annotations[{at}]"):
            id = int(within(annotation["id"], 0, LARGEST_ID, otherwise=-1))
            score = within(annotation.get("score"), 0, 1, otherwise=1.0)
            masks = annotation["segmentations"]
            if len(masks) != n_frames:
                raise InputError(f"expected {n_frames} masks at annotations[{at}] of {source}, got {len(masks)}")
            for frame, mask in enumerate(masks):
                if mask:
                    gathered.add(frame, id, as_counts(mask, size), score=score)
    folder = Path(str(video["file_names"][0])).parent.name if n_frames else ""
    return Imported(size=size, n_frames=n_frames, frames=gathered.frames(n_frames), name=folder)

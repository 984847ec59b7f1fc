"""YouTube-VIS and OVIS: one annotation for each object, with a mask or null for every frame.

Run lengths are lists of numbers, as in the data sets' own files, which some readers insist on.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from overseg.data.crops import run_lengths
from overseg.errors import InputError
from overseg.interchange.imported import LARGEST_ID, Gathered, Imported
from overseg.interchange.json_input import as_counts, as_size, checked, only_video, within
from overseg.interchange.json_output import write_json
from overseg.interchange.json_stream import items
from overseg.interchange.names import NAME, Categories, NamesRead
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
    """One for each object, when its last frame has come: memory holds the objects that are still to be seen."""
    objects = selection.objects
    last = np.minimum(objects.last_frame, selection.frames.stop - 1)
    category = dict(zip(objects.id.tolist(), objects.category.tolist(), strict=True))
    names = selection.names
    seen: defaultdict[int, list[_Seen]] = defaultdict(list)
    for frame in selection:
        masks = frame.masks
        columns = (column.tolist() for column in (masks.rles.boxes_xywh(), masks.rles.area_px(), masks.score))
        for id, counts, *facts in zip(masks.track.tolist(), masks.rles.counts, *columns, strict=True):
            seen[id].append(_Seen(frame.position, counts, *facts))
        for id in objects.id[last == frame.number].tolist():
            called = {NAME: names[id]} if id in names else {}
            yield {"id": id + 1, "category_id": category[id] + 1, **called, **_annotation(seen.pop(id, []), selection)}


class _Seen(NamedTuple):
    """Where an object is on one frame; the box as left, top, width, height."""

    position: int
    counts: bytes
    box_xywh: list[float]
    area_px: int
    score: float


def _annotation(seen: list[_Seen], selection: Selection) -> dict[str, Any]:
    height, width = selection.size
    segmentations: list[Any] = [None] * len(selection)
    boxes: list[Any] = [None] * len(selection)
    areas: list[Any] = [None] * len(selection)
    for one in seen:
        runs = run_lengths(one.counts).tolist()
        segmentations[one.position] = {"size": [height, width], "counts": runs}
        boxes[one.position], areas[one.position] = one.box_xywh, one.area_px
    return {
        "video_id": _VIDEO,
        "iscrowd": 0,
        "width": width,
        "height": height,
        "length": len(seen),
        "score": sum(one.score for one in seen) / max(1, len(seen)),
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
    gathered, names, categories = Gathered(size), NamesRead(), Categories(source)
    for at, annotation in enumerate(items(source, "annotations.item")):
        with checked(source, f"annotations[{at}]"):
            id = int(within(annotation["id"], 0, LARGEST_ID, otherwise=-1))
            place = f"{source}: annotations[{at}]"
            names.note(id, categories.of(annotation), annotation.get(NAME), place=place)
            score = within(annotation.get("score"), 0, 1, otherwise=1.0)
            masks = annotation["segmentations"]
            if len(masks) != n_frames:
                raise InputError(f"expected {n_frames} masks at annotations[{at}] of {source}, got {len(masks)}")
            for frame, mask in enumerate(masks):
                if mask:
                    gathered.add(frame, id, as_counts(mask, size), score=score)
    folder = Path(str(video["file_names"][0])).parent.name if n_frames else ""
    frames = gathered.frames(n_frames)
    return Imported(size=size, n_frames=n_frames, frames=frames, name=folder, names=names.found)

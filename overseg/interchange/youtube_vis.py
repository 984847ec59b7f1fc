"""YouTube-VIS and OVIS: one annotation for each object, with a mask or null for every frame.

Run lengths are lists of numbers, as in the data sets' own files, which some readers insist on.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from overseg.annotations.objects import NAME
from overseg.data.crops import run_lengths
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

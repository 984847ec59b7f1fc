"""Label Studio: a task for each frame, with a brush for each mask; its track is in the region's id."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.interchange.brush_rle import decode_brush, encode_brush
from overseg.interchange.imported import FIRST_OWN_ID, LARGEST_ID, Gathered, Imported
from overseg.interchange.json_input import as_size, checked, within
from overseg.interchange.json_output import write_list
from overseg.interchange.json_stream import items
from overseg.interchange.names import NAME, NamesRead
from overseg.interchange.selection import SelectedFrame, Selection

FILE = "tasks.json"
_FROM, _TO = "mask", "image"  # names in the labelling configuration; see docs/formats.md
_TRACK = re.compile(r"track-(\d{1,10})")


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `tasks.json`, to be imported as tasks with predictions."""
    category = dict(zip(selection.objects.id.tolist(), selection.objects.category.tolist(), strict=True))
    label = {id: selection.categories[row] for id, row in category.items()}
    names = selection.names
    with (folder / FILE).open("w", encoding="utf-8") as file:
        write_list(file, (_task(frame, pictures[frame.position], label, names) for frame in selection))


def _task(frame: SelectedFrame, picture: str, label: dict[int, str], names: dict[int, str]) -> dict[str, Any]:
    height, width = frame.masks.rles.size
    result = [
        {
            "id": f"track-{id + 1}",
            "type": "brushlabels",
            "from_name": _FROM,
            "to_name": _TO,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": score,
            **({"meta": {NAME: names[id]}} if id in names else {}),
            "value": {"format": "rle", "rle": _brush(frame.masks.rles, row), "brushlabels": [label[id]]},
        }
        for row, (id, score) in enumerate(zip(frame.masks.track.tolist(), frame.masks.score.tolist(), strict=True))
    ]
    data = {"image": f"/data/local-files/?d={picture}", "width": width, "height": height}
    return {"data": data, "predictions": [{"model_version": "overseg", "result": result}]}


def _brush(rles: Rles, row: int) -> list[int]:
    return encode_brush(rles.take([row]).to_masks()[0]).tolist()


def read(source: Path) -> Imported:
    """Read the brushes of all tasks, a frame each in the order of the file; annotations count before predictions.

    A region called `track-7` is of object 7, any other is an object of its own. All must have one size.

    Raises:
        InputError: the file cannot be read, or a part of it is wrong.
    """
    gathered: Gathered | None = None
    size: tuple[int, int] | None = None
    own, names = count(FIRST_OWN_ID), NamesRead()
    n_frames = 0
    for task in items(source, "item"):
        with checked(source, f"task {n_frames}"):
            for found, id, counts, score in _regions(task, source, own, names):
                if gathered is None:
                    gathered, size = Gathered(found), found
                if found != size:
                    raise ValueError("its size is another than that of the first")
                gathered.add(n_frames, id, counts, score=score)
        n_frames += 1
    if gathered is None or size is None:
        raise InputError(f"expected brushes in {source}, found none; their size is that of the frames")
    return Imported(size=size, n_frames=n_frames, frames=gathered.frames(n_frames), names=names.found)


def _regions(
    task: dict[str, Any], source: Path, own: Iterator[int], names: NamesRead
) -> Iterator[tuple[tuple[int, int], int, bytes, float]]:
    """Size, object, run lengths and score of each brush of a task."""
    for given in (task.get("annotations") or task.get("predictions") or [])[:1]:
        for region in given["result"]:
            if region["type"] != "brushlabels":
                continue
            size = as_size(region["original_height"], region["original_width"], source)
            named = _TRACK.fullmatch(str(region.get("id")))
            id = int(within(named[1], 0, LARGEST_ID, otherwise=0)) if named else next(own)
            label = (region["value"].get("brushlabels") or [None])[0]
            names.note(id, label, (region.get("meta") or {}).get(NAME), place=f"{source}: region {region.get('id')}")
            mask = decode_brush(np.array(region["value"]["rle"], np.uint8), size)
            score = within(region.get("score"), 0, 1, otherwise=1.0)
            yield size, id, Rles.from_masks(mask[None]).counts[0], score

"""Label Studio: a task for each frame, with a brush for each mask; its track is in the region's id."""

from pathlib import Path
from typing import Any

from overseg.annotations.brush_rle import encode_brush
from overseg.annotations.label_studio import FRAME
from overseg.annotations.objects import NAME
from overseg.data.rles import Rles
from overseg.interchange.json_output import write_list
from overseg.interchange.selection import SelectedFrame, Selection

FILE = "tasks.json"
_FROM, _TO = "mask", "image"  # names in the labelling configuration; see docs/formats.md


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `tasks.json`, which Label Studio imports as tasks with predictions."""
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
    data[FRAME] = frame.source_number
    return {"data": data, "predictions": [{"model_version": "overseg", "result": result}]}


def _brush(rles: Rles, row: int) -> list[int]:
    return encode_brush(rles.take([row]).to_masks()[0]).tolist()

"""LabelMe: a JSON file beside each picture, with a shape of type `mask` for each mask and its track as `group_id`."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overseg.annotations.objects import NAME
from overseg.data.crops import crops
from overseg.interchange.json_output import write_json
from overseg.interchange.png import encoded
from overseg.interchange.selection import SelectedFrame, Selection

_VERSION = "5.5.0"  # the first of LabelMe that knows masks as we write them


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `<picture>.json` for every frame."""
    height, width = selection.size
    category = dict(zip(selection.objects.id.tolist(), selection.objects.category.tolist(), strict=True))
    for frame, picture in zip(selection, pictures, strict=True):
        members: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": _shapes(frame, {id: selection.categories[row] for id, row in category.items()}, selection.names),
            "imagePath": picture,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        write_json(folder / f"{Path(picture).stem}.json", members)


def _shapes(frame: SelectedFrame, label: dict[int, str], names: dict[int, str]) -> Iterator[dict[str, Any]]:
    masks = frame.masks
    for ((x, y), mask), id, score in zip(crops(masks.rles), masks.track.tolist(), masks.score.tolist(), strict=True):
        png = encoded(Image.fromarray(np.ascontiguousarray(mask.T)))
        yield {
            "label": label[id],
            **({NAME: names[id]} if id in names else {}),
            "points": [[x.start, y.start], [x.stop - 1, y.stop - 1]],  # both corners are pixels of the mask's box
            "group_id": id + 1,
            "description": "",
            "shape_type": "mask",
            "flags": {},
            "mask": base64.b64encode(png).decode("ascii"),
            "score": score,
        }

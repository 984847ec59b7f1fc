"""The masks of one picture as files: a mask, a folder of masks, or all of them in one file."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.masks import KeyframeMasks
from overseg.errors import SettingsError
from overseg.files.destination import written
from overseg.interchange.json_output import known
from overseg.interchange.png import mask_png

_JSON = "masks.json"
_SUFFIXES = ("", ".png", ".json", ".npz")


def check_masks_name(path: Path, *, may_be_many: bool) -> None:
    """Refuse with SettingsError a name whose suffix is of no file that holds masks."""
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise SettingsError(f"{path} has to end in .png, .json or .npz, or to be a folder without a suffix")
    if suffix == ".png" and may_be_many:
        raise SettingsError(f"{path} holds one mask, and there may be many: name a folder, or a .json or .npz file")


def write_masks(path: Path, masks: KeyframeMasks, *, overwrite: bool = False) -> None:
    """Write the masks of one picture.

    `overseg associate` reads these files if they are named by the number of a frame.

    Args:
        path: .png for a single mask, 255 inside and 0 outside; .npz for `masks` bool [n, height, width];
            .json for a list as SAM's automatic generator returns it; else a folder of PNGs and `masks.json`.
        masks: the masks; one where the name ends in .png.
        overwrite: replace an existing file or folder of that name.

    Raises:
        SettingsError: the name fits nothing.
        InputError: it cannot be written.
    """
    suffix = path.suffix.lower()
    check_masks_name(path, may_be_many=len(masks) != 1)
    with written(path, overwrite=overwrite) as folder:
        if suffix == ".npz":
            np.savez_compressed(folder / "masks.npz", masks=masks.rles.to_masks())
            return
        if suffix != ".json":
            for row in range(len(masks)):
                (folder / f"mask_{row:03d}.png").write_bytes(mask_png(masks.rles.take([row])))
        if suffix != ".png":
            (folder / _JSON).write_text(json.dumps(_entries(masks)) + "\n", encoding="utf-8")


def _entries(masks: KeyframeMasks) -> list[dict[str, Any]]:
    return [
        {
            "segmentation": {"size": list(masks.rles.size), "counts": counts.decode("ascii")},
            "area": area,
            "bbox": box,
            "predicted_iou": round(predicted_iou, 4),
            "stability_score": known(round(stability_score, 4)),
            "point_coords": None if x != x else [[x, y]],
        }
        for counts, area, box, predicted_iou, stability_score, (x, y) in zip(
            masks.rles.counts,
            masks.rles.area_px().tolist(),
            masks.rles.boxes_xywh().tolist(),
            masks.predicted_iou.tolist(),
            masks.stability_score.tolist(),
            masks.point_xy.tolist(),
            strict=True,
        )
    ]

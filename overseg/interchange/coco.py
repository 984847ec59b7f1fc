"""COCO instance annotations with videos and tracks: every mask, overlapping, as run lengths.

Beside COCO's own keys, annotations have `track_id`, `video_id` and the store's columns of a mask; images have
`frame_index`, counted from 0 in the store; and `tracks` lists the objects. Other tools ignore these keys.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overseg.annotations.coco import FILE
from overseg.annotations.objects import NAME
from overseg.interchange.json_output import known, write_json
from overseg.interchange.selection import SelectedFrame, Selection

_VIDEO = 1


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `annotations.json`.

    Args:
        selection: what is exported.
        pictures: file name of each frame's picture in the export.
        folder: of the export.
    """
    height, width = selection.size
    info = selection.result.info
    members: dict[str, Any] = {
        "info": {"description": f"{info.name}, over-segmented", "contributor": "overseg"},
        "licenses": [],
        "videos": [
            {"id": _VIDEO, "name": selection.name, "width": width, "height": height, "fps": info.fps}
            | {"length": len(selection)}
        ],
        "categories": [
            {"id": number, "name": name, "supercategory": name} for number, name in enumerate(selection.categories, 1)
        ],
        "images": _images(selection, pictures),
        "tracks": _tracks(selection),
        "annotations": _annotations(selection),
    }
    write_json(folder / FILE, members)


def _images(selection: Selection, pictures: list[str]) -> Iterator[dict[str, Any]]:
    height, width = selection.size
    frames = selection.result.frames
    for position, number in enumerate(selection.frames):
        yield {
            "id": position + 1,
            "file_name": Path(pictures[position]).name,
            "width": width,
            "height": height,
            "video_id": _VIDEO,
            "frame_index": number,
            "timestamp_s": float(frames.timestamp_s[number]),
            "shot": int(frames.shot[number]),
            "is_keyframe": bool(frames.is_keyframe[number]),
        }


def _tracks(selection: Selection) -> Iterator[dict[str, Any]]:
    objects, names = selection.objects, selection.names
    for id, category, part_of in zip(
        objects.id.tolist(), objects.category.tolist(), objects.part_of.tolist(), strict=True
    ):
        yield {
            "id": id + 1,
            **({NAME: names[id]} if id in names else {}),
            "video_id": _VIDEO,
            "category_id": category + 1,
            "part_of": part_of + 1 if part_of >= 0 else None,
        }


def _annotations(selection: Selection) -> Iterator[dict[str, Any]]:
    category = dict(zip(selection.objects.id.tolist(), (selection.objects.category + 1).tolist(), strict=True))
    id = 0
    for frame in selection:
        for annotation in _annotations_of(frame):
            id += 1
            yield {"id": id, "category_id": category[annotation["track_id"] - 1], **annotation}


def _annotations_of(frame: SelectedFrame) -> Iterator[dict[str, Any]]:
    masks = frame.masks
    size = list(masks.rles.size)
    columns = zip(
        (masks.track + 1).tolist(),
        masks.rles.counts,
        masks.rles.boxes_xywh().tolist(),
        masks.rles.area_px().tolist(),
        masks.score.tolist(),
        masks.stability_score.tolist(),
        masks.sam_output.tolist(),
        masks.sam_outputs.tolist(),
        masks.source.tolist(),
        masks.region.tolist(),
        masks.point_xy.tolist(),
        strict=True,
    )
    for track, counts, box, area, score, stability, sam_output, sam_outputs, source, region, point in columns:
        yield {
            "image_id": frame.position + 1,
            "video_id": _VIDEO,
            "track_id": track,
            "iscrowd": 0,
            "bbox": box,
            "area": area,
            "segmentation": {"size": size, "counts": counts.decode("ascii")},
            "score": score,
            "stability_score": known(stability),
            "sam_output": sam_output,
            "sam_outputs": sam_outputs,
            "source": source,
            "region": region,
            "point_coords": None if point[0] != point[0] else [point],
        }

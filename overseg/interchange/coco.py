"""COCO instance annotations with videos and tracks: every mask, overlapping, as run lengths or polygons.

Beside COCO's own keys, annotations have `track_id`, `video_id` and the store's columns of a mask; images have
`frame_index`, counted from 0 in the input; and `tracks` lists the objects. Other tools ignore these keys.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from overseg.annotations.coco import FILE
from overseg.annotations.objects import NAME
from overseg.annotations.yolo import TRAIN, VAL
from overseg.data.rles import Rles
from overseg.interchange.json_output import known, write_json
from overseg.interchange.selection import SelectedFrame, Selection


@dataclass(frozen=True)
class _Part:
    """One of the videos of a file.

    Attributes:
        selection: what is exported of it.
        pictures: file name of each frame's picture in the export.
        video: its id.
        first_image, first_track: what is added to the place of an image and to the number of an object, for their ids.
    """

    selection: Selection
    pictures: list[str]
    video: int
    first_image: int
    first_track: int


def write_all(selections: Sequence[Selection], pictures: Sequence[list[str]], folder: Path) -> None:
    """Write `annotations.json`; where frames are for validation, `annotations_train.json` and `annotations_val.json`.

    Args:
        selections: what is exported of each video; they have the same categories.
        pictures: file name of each frame's picture in the export.
        folder: of the export.
    """
    parts: list[_Part] = []
    image = track = 1
    for video, (selection, names) in enumerate(zip(selections, pictures, strict=True), start=1):
        parts.append(_Part(selection, names, video, image, track))
        image += len(selection)
        track += int(selection.objects.id.max(initial=-1)) + 1
    if not selections[0].has_split:
        _write(parts, folder / FILE, None)
        return
    for split in (TRAIN, VAL):
        _write(parts, folder / FILE.replace(".", f"_{split}."), split)


def _write(parts: list[_Part], path: Path, split: str | None) -> None:
    """Write one file, with the frames of a split, or with all for None."""
    selections = [part.selection for part in parts]
    called = ", ".join(selection.result.info.name for selection in selections)
    members: dict[str, Any] = {
        "info": {"description": f"{called}, over-segmented", "contributor": "overseg"},
        "licenses": [],
        "videos": [_video(part) for part in parts],
        "categories": [
            {"id": number, "name": name, "supercategory": name}
            for number, name in enumerate(selections[0].categories, 1)
        ],
        "images": chain.from_iterable(_images(part, split) for part in parts),
        "tracks": chain.from_iterable(map(_tracks, parts)),
        "annotations": _annotations(parts, split),
    }
    write_json(path, members)


def _video(part: _Part) -> dict[str, Any]:
    height, width = part.selection.size
    info = part.selection.result.info
    return {
        "id": part.video,
        "name": part.selection.name,
        "width": width,
        "height": height,
        "fps": info.fps,
        "length": len(part.selection),
    }


def _images(part: _Part, split: str | None) -> Iterator[dict[str, Any]]:
    selection = part.selection
    height, width = selection.size
    frames = selection.result.frames
    numbers = zip(selection.frames, selection.source_numbers, strict=True)
    for position, (number, source_number) in enumerate(numbers):
        if split not in (None, selection.split(position)):
            continue
        yield {
            "id": position + part.first_image,
            "file_name": Path(part.pictures[position]).name,
            "width": width,
            "height": height,
            "video_id": part.video,
            "frame_index": source_number,
            "timestamp_s": float(frames.timestamp_s[number]),
            "shot": int(frames.shot[number]),
            "is_keyframe": bool(frames.is_keyframe[number]),
        }


def _tracks(part: _Part) -> Iterator[dict[str, Any]]:
    objects, names = part.selection.objects, part.selection.names
    for id, category, part_of in zip(
        objects.id.tolist(), objects.category.tolist(), objects.part_of.tolist(), strict=True
    ):
        yield {
            "id": id + part.first_track,
            **({NAME: names[id]} if id in names else {}),
            "video_id": part.video,
            "category_id": category + 1,
            "part_of": part_of + part.first_track if part_of >= 0 else None,
        }


def _annotations(parts: list[_Part], split: str | None) -> Iterator[dict[str, Any]]:
    id = 0
    for part in parts:
        objects = part.selection.objects
        category = dict(zip(objects.id.tolist(), (objects.category + 1).tolist(), strict=True))
        for position, number in enumerate(part.selection.frames):
            if split not in (None, part.selection.split(position)):
                continue
            frame = part.selection.frame(number)
            for track, annotation in _annotations_of(frame, part):
                id += 1
                yield {"id": id, "category_id": category[track], **annotation}


def _annotations_of(frame: SelectedFrame, part: _Part) -> Iterator[tuple[int, dict[str, Any]]]:
    """The object of each mask of a frame, and its annotation; a mask without a polygon has none."""
    masks = frame.masks
    columns = zip(
        masks.track.tolist(),
        _segmentations(masks.rles, part.selection),
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
    for track, segmentation, box, area, score, stability, sam_output, sam_outputs, source, region, point in columns:
        if segmentation == []:
            continue
        yield (
            track,
            {
                "image_id": frame.position + part.first_image,
                "video_id": part.video,
                "track_id": track + part.first_track,
                "iscrowd": 0,
                "bbox": box,
                "area": area,
                "segmentation": segmentation,
                "score": score,
                "stability_score": known(stability),
                "sam_output": sam_output,
                "sam_outputs": sam_outputs,
                "source": source,
                "region": region,
                "point_coords": None if point[0] != point[0] else [point],
            },
        )


def _segmentations(rles: Rles, selection: Selection) -> Iterator[Any]:
    """COCO's run lengths of each mask, or its polygons; none where all pieces are too small."""
    size = list(rles.size)
    for row, counts in enumerate(rles.counts):
        if not selection.has_polygons:
            yield {"size": size, "counts": counts.decode("ascii")}
            continue
        polygons = selection.polygons(rles.take([row]).to_masks()[0], along_edges=True)
        yield [polygon.ravel().tolist() for polygon in polygons]

"""COCO instance annotations with videos and tracks: every mask, overlapping, as run lengths.

Beside COCO's own keys, annotations have `track_id`, `video_id` and what the store knows of a mask; images have
`frame_index`, counted from 0 in the store; and `tracks` lists the objects. Tools that do not know them leave them out.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.track_names import TrackName, check_name
from overseg.errors import InputError
from overseg.interchange.imported import LARGEST_ID, UNKNOWN_REGION, Gathered, Imported
from overseg.interchange.json_input import as_counts, as_id, as_size, checked, only_video, within
from overseg.interchange.json_output import known, write_json
from overseg.interchange.json_stream import items
from overseg.interchange.names import NAME, Categories, NamesRead
from overseg.interchange.selection import SelectedFrame, Selection

FILE = "annotations.json"
_VIDEO = 1
_FAR_PX = 1e6  # no picture has a point out there


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
            "level": sam_output,
            "levels": sam_outputs,
            "source": source,
            "region": region,
            "point_coords": None if point[0] != point[0] else [point],
        }


def read(source: Path) -> Imported:
    """Read annotations with `track_id` (or `instance_id`), masks as run lengths or polygons.

    Raises:
        InputError: the file cannot be read, holds several videos, or a part of it is wrong.
    """
    video = only_video(source)
    images = read_images(source)
    size = images[0]["size"]
    number = {image["id"]: place for place, image in enumerate(images)}
    gathered = Gathered(size)
    kinds: dict[int, str | None] = {}
    categories = Categories(source)
    for at, annotation in enumerate(items(source, "annotations.item")):
        with checked(source, f"annotations[{at}]"):
            track = _gather(gathered, annotation, number, size)
            kinds.setdefault(track, categories.of(annotation))
    with checked(source, "videos[0]"):
        fps = within(video.get("fps"), 0, 1e6, otherwise=0.0)
    columns = ("timestamp_s", "shot", "is_keyframe")
    return Imported(
        size=size,
        n_frames=len(images),
        frames=gathered.frames(len(images)),
        fps=fps,
        name=str(video.get("name") or ""),
        part_of=_read_part_of(source),
        names=_read_names(source, kinds),
        frame_columns={
            name: np.array([image[name] for image in images])
            for name in columns
            if all(image[name] >= 0 for image in images)
        },
    )


def read_images(source: Path) -> list[dict[str, Any]]:
    """What is known of each image, in the order of frames: `id`, `stem` of the file's name, `size` (height, width), and
    what the table of frames has.

    Raises:
        InputError: the file cannot be read, there is no image, something is wrong with one, or their sizes differ.
    """
    images = sorted(_images_in(source), key=lambda image: image["order"])
    if not images:
        raise InputError(f"expected images in {source}, found none")
    if any(image["size"] != images[0]["size"] for image in images):
        raise InputError(f"expected images of one size in {source}, as frames of a video have: split it")
    return images


def _images_in(source: Path) -> Iterator[dict[str, Any]]:
    from natsort import natsort_key

    for at, image in enumerate(items(source, "images.item")):
        with checked(source, f"images[{at}]"):
            order = next((image[key] for key in ("frame_index", "frame_id") if image.get(key) is not None), None)
            is_keyframe = image.get("is_keyframe")
            yield {
                "id": as_id(image["id"]),
                "order": (0, int(order), "") if order is not None else (1, 0, natsort_key(str(image["file_name"]))),
                "stem": Path(str(image.get("file_name", ""))).stem,
                "size": as_size(image["height"], image["width"], source),
                "timestamp_s": within(image.get("timestamp_s"), 0, 1e9, otherwise=float("nan")),
                "shot": int(within(image.get("shot"), 0, 2**31 - 1, otherwise=-1)),
                "is_keyframe": -1 if is_keyframe is None else int(bool(is_keyframe)),
            }


def _gather(gathered: Gathered, annotation: dict[str, Any], number: dict[Any, int], size: tuple[int, int]) -> int:
    """Take up one mask; returns the number of its object."""
    track = annotation["track_id"] if "track_id" in annotation else annotation["instance_id"]
    nan = float("nan")
    x, y = (annotation.get("point_coords") or [[None, None]])[0]
    is_propagated = annotation.get("source", 0) != 0
    sam_output = int(within(annotation.get("level"), -1, 2, otherwise=-1))
    id = int(within(track, 0, LARGEST_ID, otherwise=nan))
    gathered.add(
        number[as_id(annotation["image_id"])],
        id,
        as_counts(annotation["segmentation"], size),
        score=within(annotation.get("score"), 0, 1, otherwise=1.0),
        stability_score=within(annotation.get("stability_score"), 0, 1, otherwise=nan if is_propagated else 1.0),
        sam_output=sam_output,
        sam_outputs=int(within(annotation.get("levels"), 0, 7, otherwise=0 if sam_output < 0 else 1 << sam_output)),
        source=int(within(annotation.get("source"), 0, 2, otherwise=0)),
        region=_region(annotation.get("region")),
        point_xy=[within(at, -_FAR_PX, _FAR_PX, otherwise=nan) for at in (x, y)],
    )
    return id


def _region(region: Any) -> int:
    if region is None:
        return UNKNOWN_REGION
    if not isinstance(region, int) or not 0 <= region < 2**63:
        raise ValueError(f"a region is a number from 0, in 63 bits, not {region!r}")
    return region


def _read_names(source: Path, kinds: dict[int, str | None]) -> Mapping[int, TrackName]:
    """What objects are called: their own names where they have some, else their category's and their number.

    Args:
        source: the file.
        kinds: each object's category.
    """
    names = {}
    for at, track in enumerate(items(source, "tracks.item")):
        with checked(source, f"tracks[{at}]"):
            if track.get(NAME) is not None:
                names[int(track["id"])] = check_name(track[NAME], place=f"{source}: tracks[{at}].name")
    found = NamesRead()
    for id, kind in kinds.items():
        found.note(id, kind, names.get(id), place=str(source))
    return found.found


def _read_part_of(source: Path) -> dict[int, int] | None:
    """By object, what contains it; None where the file does not say it."""
    part_of: dict[int, int] = {}
    for at, track in enumerate(items(source, "tracks.item")):
        with checked(source, f"tracks[{at}]"):
            if "part_of" not in track:
                return None
            part_of[int(track["id"])] = -1 if track["part_of"] is None else int(track["part_of"])
    return part_of or None

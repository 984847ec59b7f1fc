"""COCO instance annotations with tracks: run lengths or polygons, overlapping; boxes, where a file has no masks at all.

A list of results, of which each has an `image_id`, is read as well. Beside COCO's own keys, annotations have `track_id`
or `instance_id`, which may stand under `attributes`, and what a store knows of a mask; images have `frame_index` or
`frame_id`, counted from 0; `tracks` lists the objects.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.gathered import Gathered
from overseg.annotations.json_stream import LIST, entries_at, items
from overseg.annotations.left_out import LeftOut
from overseg.annotations.objects import NAME, Categories, Objects
from overseg.annotations.values import (
    SizeUnknownError,
    as_id,
    as_score,
    as_size,
    check_size,
    checked,
    first_size,
    mask_counts,
    polygon_counts,
    tolerated,
    within,
)
from overseg.annotations.videos import pick_video
from overseg.data.masks import Source
from overseg.data.track_names import printable_name
from overseg.errors import InputError

FILE = "annotations.json"
UNKNOWN_REGION = -1  # of a mask whose format has no regions
_TRACK_KEYS = ("track_id", "instance_id")
_FRAME_KEYS = ("frame_index", "frame_id")
_FAR_PX = 1e6  # no picture has a point out there
_COLUMNS = ("timestamp_s", "shot", "is_keyframe")


def read(
    source: Path, size: tuple[int, int] | None = None, video: str | None = None, *, needs_tracks: bool = True
) -> Annotations:
    """Read the masks of one video.

    A crowd is several objects, which are not told apart, so it is left out if it has no track. Where the file calls all
    annotations crowds, they are objects: CVAT does so with each mask of a brush.

    Args:
        source: the file.
        size: (height, width) that masks must have; None for that of the file's images.
        video: the video's name, to choose one of several.
        needs_tracks: refuse annotations without a track. Otherwise each of them is an object of its own.

    Raises:
        InputError: the file cannot be read, or a part of it is wrong.
    """
    chosen, left_out = _video(source, video), LeftOut()
    prefix = entries_at(source, "annotations")
    images = _read_images(source, chosen.get("id"), left_out) if prefix != LIST else _images_of_results(source)
    size = _size(source, images, size)
    row_of: dict[int | str, int] = {image["id"]: row for row, image in enumerate(images)}
    elsewhere = {image["id"] for image in _images_in(source, LeftOut())} - set(row_of) if chosen else set()
    gathered, objects, categories = Gathered(size), Objects(), Categories(source, left_out)
    if needs_tracks:
        _refuse_without_tracks(source, prefix)
    own_names, boxes = _own_names(source, left_out), not any(map(bool, items(source, f"{prefix}.segmentation")))
    crowds_alone = all(isinstance(one, dict) and one.get("iscrowd") for one in items(source, prefix))
    for at, annotation in enumerate(items(source, prefix)):
        with tolerated(source, f"annotations[{at}]", left_out):
            id = as_id(annotation["image_id"])
            if id in elsewhere:
                continue
            row, track = row_of[id], _track(annotation)
            if track is None and annotation.get("iscrowd") and not crowds_alone:
                left_out.add("crowd{s} without a track")
                continue
            where = f"{source}: annotations[{at}].segmentation"
            counts = _counts(annotation, size, where, left_out, boxes=boxes)
            object, columns = objects.new() if track is None else objects.number(track), _columns(annotation)
            objects.note(object, categories.of(annotation), own_names.get(object))
            gathered.add(row, object, counts, **columns)
    with checked(source, "videos[0]"):
        fps = within(chosen.get("fps"), 0, 1e6, otherwise=0.0)
    return Annotations(
        source=source,
        size=size,
        pictures=tuple(image["picture"] for image in images),
        read=gathered.read,
        objects=objects,
        left_out=left_out,
        name=str(chosen.get("name") or ""),
        stated_from_zero=all(image["from_zero"] for image in images),
        fps=fps,
        part_of=_read_part_of(source),
        picture_columns=_picture_columns(images),
    )


def _picture_columns(images: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The columns of the table of frames that are known of all images."""
    known = (name for name in _COLUMNS if all(image[name] >= 0 for image in images))
    return {name: np.array([image[name] for image in images]) for name in known}


def _video(source: Path, wanted: str | None) -> dict[str, Any]:
    """The entry of the video; empty where the file lists none."""
    return pick_video(source, wanted) if next(items(source, "videos.item"), None) is not None else {}


def _read_images(source: Path, video: Any, left_out: LeftOut) -> list[dict[str, Any]]:
    """What is known of each image of the video, in the order of frames: `id`, `picture`, `size`, and columns."""
    found: dict[int | str, dict[str, Any]] = {}
    for image in _images_in(source, left_out, video):
        other = found.setdefault(image["id"], image)
        if other["order"] != image["order"]:
            raise InputError(
                f"{image['picture'].place} and {other['picture'].place} have the same id: give each image its own"
            )
    if not found:
        also = f"; {left_out.line(source)}" if len(left_out) else ""
        raise InputError(f"expected images in {source}, found none{also}")
    return sorted(found.values(), key=lambda image: image["order"])


def _images_of_results(source: Path) -> list[dict[str, Any]]:
    """The images that results speak of, by number; all that is known of them is that."""
    found: dict[int | str, dict[str, Any]] = {}
    for at, result in enumerate(items(source, LIST)):
        with checked(source, f"results[{at}]"):
            id = as_id(result["image_id"])
            place, name = f"{source}: image {id}", "" if isinstance(id, int) else id
            picture = Picture(place, name, id=id if isinstance(id, int) else None)
            unknown = {"from_zero": False, "timestamp_s": float("nan"), "shot": -1, "is_keyframe": -1}
            found[id] = {"id": id, "picture": picture, "size": None, **unknown}
    if not found:
        raise InputError(f"expected results, one for each mask, in {source}, found none")
    return [found[id] for id in sorted(found, key=lambda id: (isinstance(id, str), id))]


def _images_in(source: Path, left_out: LeftOut, video: Any = None) -> Iterator[dict[str, Any]]:
    """The images of the video, or of all; those that are wrong are counted."""
    for at, image in enumerate(items(source, "images.item")):
        known = None
        with tolerated(source, f"images[{at}]", left_out):
            if video is None or image.get("video_id", video) == video:
                known = _image(image, f"{source}: images[{at}]", source)
        if known is not None:
            yield known


def _image(image: Any, place: str, source: Path) -> dict[str, Any]:
    number = next((image[key] for key in _FRAME_KEYS if image.get(key) is not None), None)
    name, id = str(image.get("file_name") or ""), as_id(image["id"])
    if number is None and not name and isinstance(id, str):
        raise InputError(f"expected a frame_id, a file_name or a number as id at {place}")
    is_keyframe = image.get("is_keyframe")
    has_size = image.get("height") is not None and image.get("width") is not None
    return {
        "id": id,
        "order": _order(number, name, id),
        "picture": Picture(
            place, name, None if number is None else int(number), id if isinstance(id, int) and not name else None
        ),
        "from_zero": image.get(_FRAME_KEYS[0]) is not None,
        "size": as_size(image["height"], image["width"], source) if has_size else None,
        "timestamp_s": within(image.get("timestamp_s"), 0, 1e9, otherwise=float("nan")),
        "shot": int(within(image.get("shot"), 0, 2**31 - 1, otherwise=-1)),
        "is_keyframe": -1 if is_keyframe is None else int(bool(is_keyframe)),
    }


def _order(number: Any, name: str, id: int | str) -> tuple[Any, ...]:
    """By what images are sorted: their number, else their name, else their id."""
    from natsort import natsort_key

    if number is not None:
        return (0, int(number))
    return (1, natsort_key(name)) if name else (2, id)


def _refuse_without_tracks(source: Path, prefix: str) -> None:
    """Refuse with InputError a file in which no annotation says of which object it is."""
    annotations = (one for one in items(source, prefix) if isinstance(one, dict))
    first = next(annotations, None)
    if first is None or _track(first) is not None or any(_track(one) is not None for one in annotations):
        return
    raise InputError(
        f"expected a track_id or instance_id at annotations[0] of {source}, which says of which object it is; `overseg "
        "associate` makes tracks of masks that have none"
    )


def _size(source: Path, images: list[dict[str, Any]], expected: tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) of all masks: the one that is expected, that of the images, or that of the first run lengths."""
    sizes = {image["size"] for image in images if image["size"] is not None}
    if len(sizes) > 1:
        raise InputError(f"expected images of one size in {source}, as frames of a video have: split it")
    if sizes and expected:
        check_size(next(iter(sizes)), expected, source)
    if sizes or expected:
        return expected or next(iter(sizes))
    if found := first_size(items(source, f"{entries_at(source, 'annotations')}.segmentation"), source):
        return found
    raise SizeUnknownError(f"expected height and width of the images in {source}, found none")


def _track(annotation: dict[str, Any]) -> Any:
    """The object as the file calls it; None where it does not."""
    attributes = annotation.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    found = (where.get(key) for where in (annotation, attributes) for key in _TRACK_KEYS)
    return next((one for one in found if one is not None), None)


def _counts(annotation: dict[str, Any], size: tuple[int, int], where: str, left_out: LeftOut, *, boxes: bool) -> bytes:
    """The mask of an annotation; where the file is one of boxes, all that is in the box."""
    if not boxes or "bbox" not in annotation:
        return mask_counts(annotation.get("segmentation"), size, where, left_out)
    left, top, width, height = (float(px) for px in annotation["bbox"])
    right, bottom = left + width, top + height
    return polygon_counts([[left, top, right, top, right, bottom, left, bottom]], size)


def _columns(annotation: dict[str, Any]) -> dict[str, Any]:
    """What a store knows of a mask. Earlier exports call `sam_output` and `sam_outputs` `level` and `levels`."""
    nan = float("nan")
    x, y = (annotation.get("point_coords") or [[None, None]])[0]
    is_propagated = annotation.get("source", 0) != 0
    sam_output = int(within(annotation.get("sam_output", annotation.get("level")), -1, 2, otherwise=-1))
    sam_outputs = within(
        annotation.get("sam_outputs", annotation.get("levels")),
        0,
        7,
        otherwise=0 if sam_output < 0 else 1 << sam_output,
    )
    return {
        "score": as_score(annotation.get("score")),
        "stability_score": within(annotation.get("stability_score"), 0, 1, otherwise=nan if is_propagated else 1.0),
        "sam_output": sam_output,
        "sam_outputs": int(sam_outputs),
        "source": int(within(annotation.get("source"), 0, max(Source), otherwise=0)),
        "region": _region(annotation.get("region")),
        "point_xy": [within(at, -_FAR_PX, _FAR_PX, otherwise=nan) for at in (x, y)],
    }


def _region(region: Any) -> int:
    if region is None:
        return UNKNOWN_REGION
    if not isinstance(region, int) or not 0 <= region < 2**63:
        raise ValueError(f"a region is a number from 0, in 63 bits, not {region!r}")
    return region


def _own_names(source: Path, left_out: LeftOut) -> dict[int, str]:
    """The names that single objects have, by number."""
    names = {}
    for at, track in enumerate(items(source, "tracks.item")):
        with tolerated(source, f"tracks[{at}]", left_out):
            if name := printable_name(track.get(NAME)):
                names[int(track["id"])] = name
    return names


def _read_part_of(source: Path) -> dict[int, int] | None:
    """By object, what contains it; None where the file does not state it."""
    part_of: dict[int, int] = {}
    for track in items(source, "tracks.item"):
        try:
            part_of[int(track["id"])] = -1 if track["part_of"] is None else int(track["part_of"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return None  # unknown of one, it is worked out for all
    return part_of or None

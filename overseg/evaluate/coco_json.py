"""Ground truth as COCO JSON with tracks: images with frame numbers, and one annotation for each object and image."""

from pathlib import Path
from typing import Any

from overseg.errors import InputError
from overseg.evaluate.frame_names import FrameNames
from overseg.evaluate.segmentations import read_segmentation
from overseg.evaluate.truth import Truth, no_mask
from overseg.evaluate.ytvis_json import pick_video
from overseg.interchange.json_stream import items

_FRAME_KEYS = ("frame_id", "frame_index")
_TRACK_KEYS = ("track_id", "instance_id")


def read_coco_tracks(path: Path, names: FrameNames) -> Truth:
    """The objects of the images of one video; an object is annotated on every image, and seen where it has a mask.

    An image's frame is its `frame_id` or `frame_index`, counted from 0, else what its `file_name` says. The object of
    an annotation is its `track_id` or `instance_id`, which may stand under `attributes`. With `iscrowd` it is left out.

    Raises:
        InputError: the file cannot be read, has no such form, another video, or masks of another size.
    """
    frame_of = _frames(path, names)
    number_of: dict[str, int] = {}
    rows: list[tuple[int, int, bytes]] = []
    for at, annotation in enumerate(items(path, "annotations.item")):
        frame = frame_of.get(annotation.get("image_id"))
        if frame is None or (annotation.get("iscrowd") and _track(annotation) is None):
            continue
        track = _track(annotation)
        if track is None:
            raise InputError(
                f"expected a track_id or instance_id at {path}: annotations[{at}], which says of which object it is"
            )
        where = f"{path}: annotations[{at}].segmentation"
        counts = read_segmentation(annotation.get("segmentation"), names, where=where)
        rows.append((frame, number_of.setdefault(str(track), len(number_of)), counts))
    if not rows:
        raise InputError(f"expected annotations on frames of the run in {path}, found none")
    annotated = {(frame, number) for frame, number, _ in rows}
    nowhere = no_mask(names.size)
    rows += [
        (frame, number, nowhere)
        for frame in set(frame_of.values())
        for number in range(len(number_of))
        if (frame, number) not in annotated
    ]
    return Truth.from_rows(number_of, rows, names.size)


def _frames(path: Path, names: FrameNames) -> dict[Any, int]:
    """The store's frame of each image, by the image's id."""
    videos = list(items(path, "videos.item"))
    video = pick_video(videos, path, names)["id"] if videos else None
    frames: dict[Any, int] = {}
    for at, image in enumerate(items(path, "images.item")):
        if video is not None and image.get("video_id", video) != video:
            continue
        where = f"{path}: images[{at}]"
        number = next((image[key] for key in _FRAME_KEYS if image.get(key) is not None), None)
        if number is None and not image.get("file_name"):
            raise InputError(f"expected a frame_id or a file_name at {where}")
        found = names.find(str(image["file_name"]), where=where) if number is None else names.at(number, where=where)
        if found is not None:
            frames[image.get("id")] = found
    return frames


def _track(annotation: dict[str, Any]) -> Any:
    attributes = annotation.get("attributes") or {}
    return next((found[key] for found in (annotation, attributes) for key in _TRACK_KEYS if key in found), None)

"""YouTube-VIS and OVIS: one annotation for each object, with a mask or null for every frame of its video."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.gathered import Gathered
from overseg.annotations.json_stream import LIST, entries_at, items
from overseg.annotations.left_out import EmptyMask, LeftOut
from overseg.annotations.objects import NAME, Categories, Objects
from overseg.annotations.values import (
    SizeUnknownError,
    VideoUnknownError,
    as_id,
    as_score,
    as_size,
    check_size,
    checked,
    first_size,
    mask_counts,
    tolerated,
)
from overseg.annotations.videos import pick_video
from overseg.errors import InputError


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the objects of one video; its `file_names` are the pictures. A list of results numbers frames from 0.

    Raises:
        InputError: the file cannot be read, holds several videos with other names, or a part of it is wrong.
    """
    prefix = entries_at(source, "annotations")
    chosen = pick_video(source, video) if prefix != LIST else _video_of_results(source, video)
    files = chosen.get("file_names")
    if not isinstance(files, list):
        raise InputError(f"expected file_names, one for each frame, of the video {chosen.get('id')} in {source}")
    size = _size(source, chosen, size)
    gathered, objects, left_out = Gathered(size), Objects(), LeftOut()
    categories = Categories(source, left_out)
    annotated: list[int] = []
    for at, annotation in enumerate(items(source, prefix)):
        where = f"{source}: annotations[{at}].segmentations"
        with tolerated(source, f"annotations[{at}]", left_out):
            if annotation.get("video_id", chosen.get("id")) != chosen.get("id"):
                continue
            id = annotation.get("id", at)
            object = objects.new() if id is None else objects.number(id)
            objects.note(object, categories.of(annotation), annotation.get(NAME))
            annotated.append(object)
            score, masks = as_score(annotation.get("score")), annotation.get("segmentations")
            if not isinstance(masks, list) or len(masks) != len(files):
                raise InputError(f"expected a mask or null for each of the {len(files)} frames of the video at {where}")
            for row, mask in enumerate(masks):
                if mask:
                    with tolerated(source, f"annotations[{at}].segmentations[{row}]", left_out), suppress(EmptyMask):
                        gathered.add(row, object, mask_counts(mask, size, f"{where}[{row}]", left_out), score=score)
    gathered.annotated = tuple(annotated)
    return Annotations(
        source=source,
        size=size,
        pictures=tuple(_picture(source, at, file) for at, file in enumerate(files)),
        read=gathered.read,
        objects=objects,
        left_out=left_out,
        counts_from_zero=prefix == LIST,
        name=Path(str(files[0])).parent.name if files and files[0] else "",
    )


def _picture(source: Path, at: int, file: Any) -> Picture:
    place = f"{source}: file_names[{at}]"
    return Picture(place, str(file)) if file else Picture(place, number=at)


def _video_of_results(source: Path, wanted: str | None) -> dict[str, Any]:
    """A video that results speak of, without names of files, by its id."""
    found: dict[str, dict[str, Any]] = {}
    for at, result in enumerate(items(source, LIST)):
        with checked(source, f"results[{at}]"):
            id = as_id(result["video_id"])
            found.setdefault(str(id), {"id": id, "file_names": [""] * len(result["segmentations"])})
    if wanted in found or len(found) == 1:
        return found[wanted] if wanted in found else next(iter(found.values()))
    raise VideoUnknownError.among("video with results", source, wanted, list(found))


def _size(source: Path, video: dict[str, Any], expected: tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) of all masks: that of the video, the one that is expected, or that of the first run lengths."""
    if video.get("height") is not None and video.get("width") is not None:
        with checked(source, "videos[0]"):
            size = as_size(video["height"], video["width"], source)
        if expected:
            check_size(size, expected, source)
        return size
    if expected:
        return expected
    if found := first_size(items(source, f"{entries_at(source, 'annotations')}.segmentations.item"), source):
        return found
    raise SizeUnknownError(f"expected height and width of the video in {source}, found none")

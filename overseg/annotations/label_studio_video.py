"""Label Studio's boxes on videos: places on keyframes, and straight ways between them."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.gathered import Gathered
from overseg.annotations.label_studio_regions import RECTANGLE, VIDEO, data_of, regions_of, shape_counts
from overseg.annotations.left_out import LeftOut
from overseg.annotations.objects import Objects
from overseg.annotations.picture_names import without_prefix
from overseg.annotations.values import (
    SizeUnknownError,
    VideoUnknownError,
    as_size,
    check_length,
    checked,
    tolerated,
    within,
)

_MOST_FRAMES = 2**20
_PLACES = ("x", "y", "width", "height", "rotation")


def read_video(source: Path, tasks: list[Any], size: tuple[int, int] | None, video: str | None) -> Annotations:
    """Read the boxes of one video; frames count from 1 there, at the rate that the labelling configuration states.

    Args:
        source: the file.
        tasks: that it holds, of a video each.
        size: (height, width) of the video; None for what the file states.
        video: the video's name, to choose one of several.

    Raises:
        SizeUnknownError: nothing states the size.
        VideoUnknownError: several videos have other names.
        InputError: something is wrong.
    """
    left_out, objects = LeftOut(), Objects()
    task, row = _chosen(source, tasks, video)
    with checked(source, f"task {row}"):
        regions = [region for region in regions_of(task, left_out) if region.kind == VIDEO]
        stated = next((as_size(*region.size, source) for region in regions if region.size), None)
        n_frames = max((_n_frames(region.value) for region in regions), default=0)
    if (known := stated or size) is None:
        raise SizeUnknownError(f"expected original_width and original_height of the video in {source}, found none")
    gathered = Gathered(known)
    for at, region in enumerate(regions):
        with tolerated(source, f"task {row}, region {region.id or at}", left_out):
            boxes = list(_boxes(region.value, n_frames))
            masks = [(frame, shape_counts(RECTANGLE, box, known)) for frame, box in boxes]
            object = objects.number(str(region.id)) if region.id is not None else objects.new()
            objects.note(object, region.label, region.name)
            for frame, counts in masks:
                gathered.add(frame, object, counts)
    check_length(n_frames, len(gathered), source)
    pictures = tuple(Picture(f"{source}: frame {frame + 1}", number=frame) for frame in range(n_frames))
    return Annotations(
        source,
        known,
        pictures,
        gathered.read,
        objects,
        left_out,
        counts_from_zero=True,
        has_own_rate=True,
        n_frames=n_frames,
        name=_name(task),
    )


def is_of_video(task: Any) -> bool:
    """Whether a task has boxes on a video."""
    return isinstance(task, dict) and any(region.kind == VIDEO for region in regions_of(task, LeftOut()))


def _chosen(source: Path, tasks: list[Any], video: str | None) -> tuple[dict[str, Any], int]:
    of_videos = {row: task for row, task in enumerate(tasks) if is_of_video(task)}
    if len(of_videos) == 1:
        return next((task, row) for row, task in of_videos.items())
    found = {_name(task): row for row, task in of_videos.items()}
    if video not in found:
        raise VideoUnknownError.among("video", source, video, list(found))
    return of_videos[found[video]], found[video]


def _name(task: dict[str, Any]) -> str:
    """What a task's video is called, without what uploads put before it."""
    for value in data_of(task).values():
        if isinstance(value, str) and (path := PurePosixPath(unquote(urlsplit(value).path))).suffix:
            return without_prefix(path.stem)
    return ""


def _n_frames(value: dict[str, Any]) -> int:
    last = max((int(place["frame"]) for place in value["sequence"]), default=0)
    return int(within(max(last, int(value.get("framesCount") or 0)), 0, _MOST_FRAMES, otherwise=0))


def _boxes(value: dict[str, Any], n_frames: int) -> Iterator[tuple[int, dict[str, float]]]:
    """The box on every frame, from 0, on which the object is seen: from a place that is enabled to the next one."""
    places = sorted(value["sequence"], key=lambda place: int(place["frame"]))
    for place, following in zip(places, [*places[1:], None], strict=True):
        first = int(place["frame"])
        end = n_frames + 1 if following is None else int(following["frame"])
        if not place.get("enabled", True):
            end = first + 1  # it is seen there for the last time
        for frame in range(first, end):
            share = 0.0 if following is None else (frame - first) / (int(following["frame"]) - first)
            to = following or place
            yield frame - 1, {name: _between(place.get(name, 0), to.get(name, 0), share) for name in _PLACES}


def _between(one: Any, other: Any, share: float) -> float:
    return float(one) + (float(other) - float(one)) * share

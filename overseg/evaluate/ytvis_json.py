"""Ground truth as in YouTube-VIS: videos, and one annotation for each object with a mask for each frame."""

from pathlib import Path
from typing import Any

from overseg.errors import InputError
from overseg.evaluate.frame_names import FrameNames
from overseg.evaluate.segmentations import read_segmentation
from overseg.evaluate.truth import Truth, no_mask
from overseg.interchange.json_stream import items


def read_ytvis(path: Path, names: FrameNames) -> Truth:
    """The objects of the one video in the file, or of the one that is called like the store's input.

    Its `file_names` say which frames `segmentations` are of; null is an object that is not to be seen there.

    Raises:
        InputError: the file cannot be read, has no such form, another video, or masks of another size.
    """
    video = pick_video(list(items(path, "videos.item")), path, names)
    files = video.get("file_names")
    if not isinstance(files, list):
        raise InputError(f"expected file_names, one for each frame, of the video {video.get('id')} in {path}")
    frames = [names.find(str(file), where=f"{path}: file_names[{at}]") for at, file in enumerate(files)]
    objects: list[str] = []
    rows: list[tuple[int, int, bytes]] = []
    for at, annotation in enumerate(items(path, "annotations.item")):
        if annotation.get("video_id") != video.get("id"):
            continue
        where = f"{path}: annotations[{at}].segmentations"
        masks = annotation.get("segmentations")
        if not isinstance(masks, list) or len(masks) != len(frames):
            raise InputError(f"expected a mask or null for each of the {len(frames)} frames of the video at {where}")
        for number, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
            if frame is not None:
                rows.append((frame, len(objects), _counts(mask, names, f"{where}[{number}]")))
        objects.append(str(annotation.get("id", at)))
    if not rows:
        raise InputError(f"expected objects of the video {video.get('id')} on frames of the run in {path}, got none")
    return Truth.from_rows(objects, rows, names.size)


def pick_video(videos: list[dict[str, Any]], path: Path, names: FrameNames) -> dict[str, Any]:
    """The only video, or the one whose name, or folder of frames, is the name of the store's input.

    Raises:
        InputError: there is none, or none of several has that name.
    """
    if len(videos) == 1:
        return videos[0]
    for video in videos:
        folders = {Path(str(file)).parent.name for file in video.get("file_names") or []}
        called = {Path(str(video[key])).stem for key in ("name", "file_name") if video.get(key)}
        if names.video in folders | called:
            return video
    raise InputError(
        f"expected one video in {path}, or one that is called {names.video!r}, got {len(videos)} with other names"
    )


def _counts(mask: Any, names: FrameNames, where: str) -> bytes:
    return read_segmentation(mask, names, where=where) if mask else no_mask(names.size)

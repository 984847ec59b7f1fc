"""Which video of a file is read, where the file may hold several."""

from pathlib import Path
from typing import Any

from overseg.annotations.json_stream import items
from overseg.annotations.values import VideoUnknownError, checked


def pick_video(source: Path, wanted: str | None) -> dict[str, Any]:
    """The only video of a file, or the one of several that is called `wanted`, by its name or folder of frames.

    Raises:
        VideoUnknownError: there is none, or none of several has that name.
    """
    videos = list(items(source, "videos.item"))
    with checked(source, "videos"):
        if len(videos) == 1 and isinstance(videos[0], dict):
            return videos[0]
        for video in videos:
            if wanted and wanted in {*names_of(video), str(video.get("id"))}:
                return video
        names = [min(names_of(video), default=str(video.get("id"))) for video in videos]
    raise VideoUnknownError.among("video", source, wanted, names)


def names_of(video: Any) -> set[str]:
    """What a video is called: its name, and the folder that its frames are in."""
    folders = {Path(str(file)).parent.name for file in video.get("file_names") or []}
    return (folders | {Path(str(video[key])).stem for key in ("name", "file_name") if video.get(key)}) - {""}

"""From one file with several videos to a store of each."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from overseg.annotations import videos, youtube_vis
from overseg.errors import InputError, SettingsError
from overseg.interchange.formats import format_named
from overseg.interchange.importing import import_masks
from overseg.stages import Report
from overseg.store.result import Result

_WITH_VIDEOS = {"coco": videos.video_names, "youtube-vis": youtube_vis.video_names}


def import_each(
    source: str | Path, output: str | Path, *, format: str, report: Report | None = None, **options: Any
) -> list[Result]:
    """Make a store of each video of a file: `OUTPUT/<name>.zarr`.

    Args:
        source: the file.
        output: a folder; created if it does not exist.
        format: name of a format whose files hold several videos.
        report: gets remarks about what could not be read as a mask.
        options: as in `import_masks`, the same for all videos.

    Raises:
        SettingsError: files of this format hold one video.
        InputError: the file cannot be read, two videos have one name, or a store cannot be written.
    """
    path, folder = Path(source), Path(output)
    if format not in _WITH_VIDEOS:
        raise SettingsError(f"--each-video is for {' and '.join(_WITH_VIDEOS)}, whose files may hold several videos")
    if path.is_dir():
        path = path / str(format_named(format).file)
    names = _WITH_VIDEOS[format](path)
    places = [re.sub(r"[^\w.-]+", "_", name).strip("._") or "video" for name in names]
    twice = [place for place, n in Counter(places).items() if n > 1]
    if twice or not names:
        found = f"two are called {twice[0]}" if twice else "it lists none"
        raise InputError(f"expected videos with names of their own in {source}, but {found}")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as e:
        raise InputError(f"cannot make the folder {folder}: {e.strerror}; check the path and its permissions") from e
    return [
        import_masks(path, folder / f"{place}.zarr", format=format, video_name=name, report=report, **options)
        for name, place in zip(names, places, strict=True)
    ]

"""From a source with several videos to a store of each."""

import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from overseg.annotations.values import SizeUnknownError, VideoUnknownError
from overseg.errors import InputError
from overseg.interchange.formats import READ, format_named
from overseg.interchange.importing import import_masks
from overseg.stages import Report
from overseg.store.result import Result


def import_each(
    source: str | Path, output: str | Path, *, format: str, report: Report | None = None, **options: Any
) -> list[Result]:
    """Make a store of each video of a file or folder: `OUTPUT/<name>.zarr`. One of a single video gives one store.

    Args:
        source: the file or folder.
        output: a folder; created if it does not exist.
        format: name of a format.
        report: gets remarks about what could not be read as a mask.
        options: as in `import_masks`, the same for all videos.

    Raises:
        SettingsError: there is no such format.
        InputError: the source cannot be read, two videos have one name, or a store cannot be written.
    """
    path, folder = Path(source), Path(output)
    names = _video_names(path, format)
    places = [re.sub(r"[^\w.-]+", "_", name or path.stem).strip("._") or "video" for name in names]
    twice = [place for place, n in Counter(places).items() if n > 1]
    if twice:
        raise InputError(f"expected videos with names of their own in {source}, but two are called {twice[0]}")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as e:
        raise InputError(f"cannot make the folder {folder}: {e.strerror}; check the path and its permissions") from e
    return [
        import_masks(path, folder / f"{place}.zarr", format=format, video_name=name or None, report=report, **options)
        for name, place in zip(names, places, strict=True)
    ]


def _video_names(source: Path, format: str) -> list[str]:
    """What the videos are called; empty for one that has no name."""
    if not source.exists():
        raise InputError(f"expected something in the format {format} at {source}, found nothing; check the path")
    with suppress(SizeUnknownError):  # which the reading of each video reports
        try:
            return [format_named(format, READ).read(source).name]
        except VideoUnknownError as several:
            if several.names:
                return list(several.names)
            raise InputError(f"expected videos with names of their own in {source}, but it lists none") from several
    return [""]

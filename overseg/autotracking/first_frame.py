"""Makes clicks on objects of the first frame, and writes a picture of each step into the output folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.files.destination import written
from overseg.interchange.png import mask_png
from overseg.output.picture_file import write_picture
from overseg.prompts.clicks import Clicks, read_clicks, write_clicks
from overseg.prompts.seeding import Seeding
from overseg.stages import Video

_PICTURE, _CLICKS, _ALL, _SELECTED = "frame0.png", "clicks.json", "masks_all", "masks_selected"
WRITTEN = (_PICTURE, _CLICKS, _ALL, _SELECTED)


@dataclass(frozen=True)
class FoundObjects:
    """The objects found on a frame.

    Attributes:
        masks: their masks.
        names: their names, the best objects first; None to choose the largest masks.
        frame: number of the frame.
    """

    masks: Rles
    names: tuple[str, ...] | None = None
    frame: int = 0


Finder = Callable[[Video, Path], FoundObjects]
"""Finds objects on one of the first frames of a video; the path is a picture of the first frame."""


def seeded(video: Video, output: Path, find: Finder, seeding: Seeding, *, overwrite: bool) -> tuple[Clicks, int]:
    """Find objects and click on them; return the clicks, and the number of masks found.

    Args:
        video: the video, not resized.
        output: folder for `frame0.png`, `masks_all`, `masks_selected`, `clicks.json`, and a picture of the frame with
            the objects if it is a later one. Its parent folder exists.
        find: finds objects.
        seeding: how objects are chosen and clicked.
        overwrite: whether different clicks of an earlier call may be replaced.

    Raises:
        InputError: no object is large enough, an earlier call made other clicks, or a file cannot be written.
    """
    _make_folder(output)
    write_picture(output / _PICTURE, video[0].rgb)
    with _replaced(output / _ALL) as all_masks, _replaced(output / _SELECTED) as selected:
        found = find(video, output / _PICTURE)
        if found.frame:
            write_picture(output / f"frame{found.frame}.png", video[found.frame].rgb)
        for row in range(len(found.masks)):
            (all_masks / f"mask_{row:03d}.png").write_bytes(mask_png(found.masks.take([row])))
        if found.names is None:
            objects, names = seeding.largest(found.masks)
        else:
            objects, names = seeding.first(found.masks, found.names)
        if not len(objects):
            raise InputError(
                f"{len(found.masks)} masks were found on frame {found.frame}, none with a connected part of "
                f"{seeding.min_mask_region_area_px} px: lower --min-mask-region-area, "
                "--pred-iou-thresh or --stability-score-thresh"
            )
        for row in range(len(objects)):
            (selected / f"obj_{row + 1:02d}.png").write_bytes(mask_png(objects.take([row])))
        clicks = seeding.clicks(objects, names, frame=found.frame)
        keep_clicks(clicks, video, output, overwrite=overwrite)
    return clicks, len(found.masks)


def keep_clicks(clicks: Clicks, video: Video, output: Path, *, overwrite: bool) -> None:
    """Write `clicks.json`; InputError if it holds other clicks of an earlier call, unless `overwrite`."""
    _make_folder(output)
    path = output / _CLICKS
    if path.exists() and not overwrite:
        before = read_clicks(path, size=video.info.size, n_frames=len(video))
        if before.strings() != clicks.strings():
            raise InputError(
                f"{path} holds other clicks of an earlier call: track them with --clicks {path}, "
                "replace them with --overwrite, or choose another folder"
            )
    write_clicks(path, clicks)


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Yield a folder for masks, which replaces an older one."""
    older = [path.name for path in folder.glob("*_*.png")]
    with written(folder, overwrite=True, ours=older) as place:
        yield place


def _make_folder(output: Path) -> None:
    try:
        output.mkdir(exist_ok=True)
    except OSError as e:
        raise InputError(f"cannot make the folder {output}: {e.strerror}; name one in a folder that exists") from e

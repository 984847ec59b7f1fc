"""From the first frame to clicks on its objects, with a picture of each step in the folder of the result."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.interchange.destination import written
from overseg.interchange.png import mask_png
from overseg.output.picture_file import write_picture
from overseg.prompts.clicks import Clicks, read_clicks, write_clicks
from overseg.prompts.seeding import Seeding
from overseg.stages import Video

_PICTURE, _CLICKS, _ALL, _SELECTED = "frame0.png", "clicks.json", "masks_all", "masks_selected"
WRITTEN = (_PICTURE, _CLICKS, _ALL, _SELECTED)


@dataclass(frozen=True)
class Found:
    """What was found on a frame.

    Attributes:
        masks: all of it.
        names: what each is called, the ones to follow first; None where the largest are to be chosen.
        frame: the number of the frame.
    """

    masks: Rles
    names: tuple[str, ...] | None = None
    frame: int = 0


Finder = Callable[[Video, Path], Found]
"""Finds objects on the first frame of a video, of which the path is a picture, or on one soon after it."""


def seeded(video: Video, output: Path, find: Finder, seeding: Seeding, *, overwrite: bool) -> tuple[Clicks, int]:
    """Clicks on objects of the frame on which they are found, and how many masks were found there.

    Args:
        video: in the size of its pictures.
        output: where `frame0.png`, `masks_all`, `masks_selected` and `clicks.json` are written, and where the objects
            are of a later frame a picture of that one; its folder is there.
        find: finds objects.
        seeding: how they are chosen and clicked.
        overwrite: whether clicks of an older call may be replaced by others.

    Raises:
        InputError: nothing is large enough, an older call made other clicks, or a file cannot be written.
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
                f"{len(found.masks)} masks were found on frame {found.frame}, and none has a part of "
                f"{seeding.min_area_px} px: lower --min-area, --pred-iou-thresh or --stability-score-thresh"
            )
        for row in range(len(objects)):
            (selected / f"obj_{row + 1:02d}.png").write_bytes(mask_png(objects.take([row])))
        clicks = seeding.clicks(objects, names, frame=found.frame)
        keep_clicks(clicks, video, output, overwrite=overwrite)
    return clicks, len(found.masks)


def keep_clicks(clicks: Clicks, video: Video, output: Path, *, overwrite: bool) -> None:
    """Write `clicks.json`; InputError where an older call has followed other clicks, and that is to be kept."""
    _make_folder(output)
    path = output / _CLICKS
    if path.exists() and not overwrite:
        before = read_clicks(path, size=video.info.size, n_frames=len(video))
        if before.strings() != clicks.strings():
            raise InputError(
                f"{path} holds other clicks, of an older call: follow them with --clicks {path}, "
                "throw them away with --overwrite, or choose another folder"
            )
    write_clicks(path, clicks)


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """A folder of masks to fill; it takes the place of an older one."""
    older = [path.name for path in folder.glob("*_*.png")]
    with written(folder, overwrite=True, ours=older) as place:
        yield place


def _make_folder(output: Path) -> None:
    try:
        output.mkdir(exist_ok=True)
    except OSError as e:
        raise InputError(f"cannot make the folder {output}: {e.strerror}; name one in a folder that exists") from e

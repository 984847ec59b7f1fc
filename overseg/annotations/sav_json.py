"""SA-V's JSON: for every annotated frame a list with the mask of every object, empty or null where it is not seen."""

from contextlib import suppress
from pathlib import Path

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.gathered import Gathered
from overseg.annotations.json_stream import items
from overseg.annotations.left_out import EmptyMask, LeftOut
from overseg.annotations.objects import Objects
from overseg.annotations.values import (
    SizeUnknownError,
    as_size,
    check_length,
    check_size,
    checked,
    first_size,
    mask_counts,
    tolerated,
)
from overseg.errors import InputError

_ANNOTATED_EVERY = 4  # SA-V has 24 frames per second, 6 of them annotated


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the masklets `{"masklet": [[mask of each object], …], "masklet_id": […], "video_frame_count": …}`.

    Entry i of `masklet` is of frame 4 i, or of frame i where there are as many entries as frames.

    Raises:
        InputError: the file cannot be read, or a part of it is wrong.
    """
    size = _size(source, size)
    objects, left_out = Objects(), LeftOut()
    with checked(source, "masklet_id"):
        ids = [objects.number(id) for id in items(source, "masklet_id.item")]
    with checked(source, "video_frame_count"):
        n_frames = int(next(items(source, "video_frame_count"), None) or 0)
    gathered = Gathered(size)
    n_entries = 0
    for entry, masks in enumerate(items(source, "masklet.item")):
        place = f"masklet[{entry}]"
        with checked(source, place):
            if not ids and not entry:
                ids = [objects.number(number) for number in range(len(masks))]
            if not isinstance(masks, list) or len(masks) != len(ids):
                raise InputError(f"expected a mask for each of the {len(ids)} objects at {source}: {place}")
            for number, (id, mask) in enumerate(zip(ids, masks, strict=True)):
                if mask is not None:
                    with tolerated(source, f"{place}[{number}]", left_out), suppress(EmptyMask):  # not seen
                        gathered.add(entry, id, mask_counts(mask, size, f"{source}: {place}[{number}]", left_out))
        n_entries += 1
    check_length(n_frames, n_entries, source)
    every = _every(source, n_entries, n_frames)
    gathered.annotated = tuple(ids)
    pictures = (Picture(f"{source}: masklet[{entry}]", number=entry * every) for entry in range(n_entries))
    return Annotations(
        source=source,
        size=size,
        pictures=tuple(pictures),
        read=gathered.read,
        objects=objects,
        left_out=left_out,
        counts_from_zero=True,
        n_frames=n_frames,
        name=str(next(items(source, "video_id"), "")),
    )


def _size(source: Path, expected: tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) of all masks: that of the video, the one that is expected, or that of the first run lengths."""
    height, width = (next(items(source, name), None) for name in ("video_height", "video_width"))
    if height and width:
        with checked(source, "its top"):
            size = as_size(height, width, source)
        if expected:
            check_size(size, expected, source)
        return size
    if expected:
        return expected
    if found := first_size(items(source, "masklet.item.item"), source):
        return found
    raise SizeUnknownError(f"expected video_height and video_width in {source}, found none")


def _every(source: Path, n_entries: int, n_frames: int) -> int:
    """How many frames lie between two annotated ones; InputError where entries and frames do not fit together."""
    if not n_entries:
        raise InputError(f"expected frames at masklet of {source}, found none")
    every = 1 if n_entries == n_frames else _ANNOTATED_EVERY
    if n_frames and (n_entries - 1) * every >= n_frames:
        raise InputError(
            f"expected an entry of masklet for every fourth of the {n_frames} frames (video_frame_count) or for each "
            f"in {source}, got {n_entries}"
        )
    return every

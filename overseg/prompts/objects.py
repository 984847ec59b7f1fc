"""Prompts for named objects, gathered from one or several sources."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from overseg.annotations.resizing import resized
from overseg.data.prompts import Prompts
from overseg.data.rles import Rles
from overseg.data.track_names import TrackName
from overseg.errors import InputError

Point = tuple[float, float, int]  # x and y in pixels of the input's pictures, and 1 on the object, 0 beside it


@dataclass(frozen=True)
class PromptedObjects:
    """Objects to track, each with a name.

    Attributes:
        prompts: their prompts; a row's `object` is the number of its name.
        names: the objects' names.
    """

    prompts: Prompts
    names: tuple[TrackName, ...]


@dataclass(frozen=True)
class Pointed:
    """The prompt for one object from one source: a place in a file, or an option.

    Attributes:
        name: name of the object.
        place: the source, for error messages.
        box_xyxy: a box around the object, in pixels of the input's pictures.
        points: points on the object and beside it.
        mask: one mask of the input's size.
        category: the object's category; None if unknown.
        frame: number of the processed frame that it is on; None for the one that all prompts are on.
    """

    name: str
    place: str
    box_xyxy: tuple[float, float, float, float] | None = None
    points: tuple[Point, ...] = ()
    mask: Rles | None = None
    category: str | None = None
    frame: int | None = None


def gather(
    pointed: Sequence[Pointed], *, input_size: tuple[int, int], size: tuple[int, int], frame: int
) -> PromptedObjects:
    """Join the prompts of all sources, and scale them to frames that may be shrunk.

    On a frame, an object may have either one mask, or one box and any number of points.

    Args:
        pointed: the prompts; at least one.
        input_size: (height, width) in pixels of the input's pictures; the prompts are in these pixels.
        size: (height, width) in pixels of the frames.
        frame: number of the frame of prompts that do not say one.

    Raises:
        InputError: a prompt is outside the picture, or contradicts another; the message names the source.
    """
    joined: dict[tuple[str, int], Pointed] = {}
    for one in pointed:
        _check_inside(one, input_size)
        at = (one.name, frame if one.frame is None else one.frame)
        joined[at] = _joined(joined[at], one) if at in joined else one
    names: dict[str, TrackName] = {}
    for (name, _), one in joined.items():
        if name not in names or names[name].category == name:
            names[name] = TrackName(name, one.category or name)
    number = {name: at for at, name in enumerate(names)}
    rows = [_row(one, number[name], input_size, size, on) for (name, on), one in joined.items()]
    return PromptedObjects(Prompts.concatenate(rows), tuple(names.values()))


def _joined(before: Pointed, one: Pointed) -> Pointed:
    """Join two prompts for one object; points may come from several sources, a box or a mask from only one."""
    if (before.box_xyxy or before.mask) and (one.box_xyxy or one.mask):
        raise InputError(
            f"{one.place}: the object {one.name!r} has a box or mask already ({before.place}); "
            "give each object a name of its own"
        )
    return replace(
        before,
        box_xyxy=before.box_xyxy or one.box_xyxy,
        mask=before.mask or one.mask,
        points=before.points + one.points,
        category=before.category or one.category,
    )


def _check_inside(one: Pointed, size: tuple[int, int]) -> None:
    height, width = size
    picture = f"the picture of {width} x {height} px"
    if one.box_xyxy is not None:
        x1, y1, x2, y2 = one.box_xyxy
        if not (x1 < x2 and y1 < y2):
            raise InputError(f"{one.place}: expected xmin < xmax and ymin < ymax, got {_numbers(one.box_xyxy)}")
        if not (x1 >= 0 and x2 <= width and y1 >= 0 and y2 <= height):
            raise InputError(f"{one.place}: expected a box inside {picture}, got {_numbers(one.box_xyxy)}")
    for x, y, label in one.points:
        if label not in (0, 1):
            raise InputError(f"{one.place}: expected the label 1 (on the object) or 0 (beside it), got {label}")
        if not (0 <= x < width and 0 <= y < height):
            raise InputError(f"{one.place}: expected a point inside {picture}, got {_numbers((x, y))}")
    if one.mask is not None and one.mask.size != size:
        raise InputError(f"{one.place}: expected a mask of {picture}, got {one.mask.size[1]} x {one.mask.size[0]} px")
    if one.mask is not None and not one.mask.area_px().all():
        raise InputError(f"{one.place}: expected a mask with a pixel in it, got an empty one")


def _row(one: Pointed, number: int, input_size: tuple[int, int], size: tuple[int, int], frame: int) -> Prompts:
    scale_y, scale_x = (px / input_px for px, input_px in zip(size, input_size, strict=True))
    if one.mask is not None:
        if one.points:
            raise InputError(f"{one.place}: expected either a mask or points for the object {one.name!r}, got both")
        return Prompts.of_masks(resized(one.mask, size), object=[number], frame=frame)
    if one.box_xyxy is None and not any(label for _, _, label in one.points):
        raise InputError(f"{one.place}: expected a box, or a point with the label 1, for the object {one.name!r}")
    x1, y1, x2, y2 = one.box_xyxy or (0, 0, 0, 0)
    return Prompts.of_points(
        size,
        object=number,
        frame=frame,
        xy=[(x * scale_x, y * scale_y) for x, y, _ in one.points],
        labels=[label for _, _, label in one.points],
        box_xyxy=(x1 * scale_x, y1 * scale_y, x2 * scale_x, y2 * scale_y) if one.box_xyxy else None,
    )


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)

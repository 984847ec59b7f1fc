"""Objects as LabelMe draws them: shapes with a label, as rectangles, points, polygons and masks."""

from collections.abc import Iterator
from typing import Any

from overseg.data.rles import Rles
from overseg.data.track_names import check_name
from overseg.errors import InputError
from overseg.interchange.labelme import shape_counts
from overseg.prompts.numbered import numbered
from overseg.prompts.numbers import check_size, number, shown
from overseg.prompts.objects import Pointed

BESIDE = "beside"  # LabelMe's flag of a point that does not lie on the object


def read(content: dict[str, Any], source: str, size: tuple[int, int]) -> list[Pointed]:
    """The objects of a file: a box for a rectangle, a click for a point, a mask for anything drawn.

    Shapes of one `label` and `group_id` are one object, whose name is both. Without a `group_id` each drawn shape is an
    object of its own, numbered where there are several of a label, and points are of the one object of their label.
    A point with the flag "beside" does not lie on the object.

    Args:
        content: what is in the file.
        source: the file's name, to begin the lines of errors.
        size: (height, width) in pixels of the input's pictures.

    Raises:
        InputError: something is missing or of another kind, or the file is for pictures of another size.
    """
    if content.get("imageHeight") is not None and content.get("imageWidth") is not None:
        check_size(content["imageHeight"], content["imageWidth"], size, f"{source}: image")
    shapes = content["shapes"]
    if not isinstance(shapes, list) or not shapes:
        raise InputError(f"{source}: shapes: expected a shape at least, got {shown(shapes)}")
    return list(
        _united(numbered([_pointed(shape, f"{source}: shapes[{at}]", size) for at, shape in enumerate(shapes)]))
    )


def _pointed(shape: Any, place: str, size: tuple[int, int]) -> Pointed:
    if not isinstance(shape, dict) or not isinstance(shape.get("points"), list):
        raise InputError(f"{place}: expected a shape with a label and points, got {shown(shape)}")
    label, group, kind = check_name(shape.get("label"), place=f"{place}.label"), shape.get("group_id"), _kind(shape)
    name = label if group is None else f"{label} {number(group, f'{place}.group_id'):g}"
    points = [_xy(point, f"{place}.points[{at}]") for at, point in enumerate(shape["points"])]
    if kind == "point":
        flags = shape.get("flags")
        on = 0 if isinstance(flags, dict) and flags.get(BESIDE) else 1
        return Pointed(name, place, points=tuple((x, y, on) for x, y in points), category=label)
    if kind == "rectangle":
        if len(points) != 2:
            raise InputError(f"{place}.points: expected two corners of a rectangle, got {len(points)}")
        (x1, x2), (y1, y2) = (sorted(side) for side in zip(*points, strict=True))
        return Pointed(name, place, box_xyxy=(x1, y1, x2, y2), category=label)
    try:
        mask = Rles(size, (shape_counts(shape, size),))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as e:
        raise InputError(f"{place}: the {kind} cannot be read ({' '.join(str(e).split())})") from e
    return Pointed(name, place, mask=mask, category=label)


def _united(pointed: list[Pointed]) -> Iterator[Pointed]:
    """The same with one mask for each object that was drawn, in as many shapes as it may be."""
    drawn: dict[str, Pointed] = {}
    for one in pointed:
        if one.mask is None:
            yield one
            continue
        before = drawn.get(one.name, one)
        masks = Rles.concatenate(one.mask.size, filter(None, [before.mask, one.mask]))
        drawn[one.name] = Pointed(one.name, before.place, mask=masks.union(), category=one.category)
    yield from drawn.values()


def _kind(shape: dict[str, Any]) -> str:
    return str(shape.get("shape_type") or "polygon")


def _xy(point: Any, place: str) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2:
        raise InputError(f"{place}: expected x and y, got {shown(point)}")
    return number(point[0], place), number(point[1], place)

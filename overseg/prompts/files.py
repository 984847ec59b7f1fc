"""Objects out of a file, whatever kind of file it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overseg.annotations import labelme, via, voc
from overseg.annotations.checked_numbers import check_stated_size, number, shown
from overseg.annotations.encoded import json_of
from overseg.annotations.labelme import Shape
from overseg.annotations.png import MASK_SUFFIXES
from overseg.data.rles import Rles
from overseg.data.track_names import check_name
from overseg.errors import InputError
from overseg.prompts.numbered import numbered
from overseg.prompts.objects import Pointed

_OF_FRAMES = (*MASK_SUFFIXES, ".txt", ".csv", ".yaml", ".yml", ".zarr")  # of files that hold masks of frames
BESIDE = "beside"  # LabelMe's flag of a point that does not lie on the object


def points_out(path: Path) -> bool:
    """Whether a file is in one of the forms of `read_prompts`, rather than one that holds masks of frames.

    Raises:
        InputError: it cannot be read, or is not what its suffix says.
    """
    suffix = path.suffix.lower()
    if suffix == ".xml":
        return not voc.is_of_several_pictures(path)
    if suffix != ".json" or path.is_dir():
        return suffix not in _OF_FRAMES and not path.is_dir()
    content = _json(path)
    if not isinstance(content, dict) or {"annotations", "masklet"} & content.keys():
        return False
    return not via.is_via(content, next(iter(content.values()), None))


def read_prompts(path: Path, size: tuple[int, int]) -> list[Pointed]:
    """The objects that a file points out: JSON with `annotation.object`, LabelMe's JSON, or Pascal VOC's XML.

    Pascal VOC's XML names classes, so objects of one class are numbered.

    Args:
        path: the file; its suffix, .json or .xml, decides how it is read.
        size: (height, width) in pixels of the input's pictures.

    Raises:
        InputError: it cannot be read, or is not what its suffix says; the line names the place in the file.
    """
    suffix = path.suffix.lower()
    if suffix == ".xml":
        boxed = voc.read_xml(path, size)
        return numbered([Pointed(one.name, one.place, box_xyxy=one.box_xyxy, category=one.name) for one in boxed])
    if suffix != ".json":
        raise InputError(f"expected objects in a file that ends in .json or .xml, got {path}")
    content = _json(path)
    if isinstance(content, dict) and "annotation" in content:
        boxed = voc.read_json(content, str(path), size)
        return [Pointed(one.name, one.place, box_xyxy=one.box_xyxy) for one in boxed]
    if isinstance(content, dict) and "shapes" in content:
        return _of_labelme(content, str(path), size)
    raise InputError(f"{path}: expected `annotation` with a list `object`, or LabelMe's `shapes`, got {shown(content)}")


def picture_named_in(path: Path) -> str:
    """The name of the picture that a file of `read_prompts` speaks of; empty where it names none.

    Raises:
        InputError: it cannot be read.
    """
    if path.suffix.lower() == ".xml":
        return voc.picture_named_in(path)
    content = _json(path)
    inner = content.get("annotation") if isinstance(content.get("annotation"), dict) else {}
    return str(content.get("imagePath") or inner.get("filename") or "")


def _json(path: Path) -> Any:
    try:
        return json_of(path)
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}; check the path and its permissions") from e
    except (ValueError, RecursionError) as e:
        raise InputError(f"{path}: expected JSON, got something else ({' '.join(str(e).split())})") from e


def _of_labelme(content: dict[str, Any], source: str, size: tuple[int, int]) -> list[Pointed]:
    """A box for each rectangle, a click for each point, a mask for anything that is drawn.

    Shapes of one `label` and `group_id` are one object, whose name is both. Without a `group_id` each drawn shape is an
    object of its own, numbered where there are several of a label, and points are of the one object of their label.
    A point with the flag "beside" does not lie on the object.
    """
    if content.get("imageHeight") is not None and content.get("imageWidth") is not None:
        check_stated_size(content["imageHeight"], content["imageWidth"], size, f"{source}: image")
    if not isinstance(content["shapes"], list) or not content["shapes"]:
        raise InputError(f"{source}: shapes: expected a shape at least, got {shown(content['shapes'])}")
    return list(_united(numbered([_pointed(shape, size) for shape in labelme.shapes_in(content, source)])))


def _pointed(shape: Shape, size: tuple[int, int]) -> Pointed:
    label, place = check_name(shape.label, place=f"{shape.place}.label"), shape.place
    name = label if shape.group is None else f"{label} {number(shape.group, f'{place}.group_id'):g}"
    if shape.kind == "point":
        flags = shape.content.get("flags")
        on = 0 if isinstance(flags, dict) and flags.get(BESIDE) else 1
        return Pointed(name, place, points=tuple((x, y, on) for x, y in shape.points), category=label)
    if shape.kind == "rectangle":
        if len(shape.points) != 2:
            raise InputError(f"{place}.points: expected two corners of a rectangle, got {len(shape.points)}")
        (x1, x2), (y1, y2) = (sorted(side) for side in zip(*shape.points, strict=True))
        return Pointed(name, place, box_xyxy=(x1, y1, x2, y2), category=label)
    try:
        mask = Rles(size, (shape.counts(size),))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as e:
        raise InputError(f"{place}: the {shape.kind} cannot be read ({' '.join(str(e).split())})") from e
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

"""Objects out of a file, whatever kind of file it is."""

import json
from pathlib import Path
from typing import Any

from overseg.errors import InputError
from overseg.prompts import annotation_json, labelme_json, voc_xml
from overseg.prompts.numbers import shown
from overseg.prompts.objects import Pointed


def read_prompts(path: Path, size: tuple[int, int]) -> list[Pointed]:
    """The objects that a file points out: JSON with `annotation.object`, LabelMe's JSON, or Pascal VOC's XML.

    Args:
        path: the file; its ending, .json or .xml, says how it is read.
        size: (height, width) in pixels of the input's pictures.

    Raises:
        InputError: it cannot be read, or is not what its ending says; the line names the place in the file.
    """
    ending = path.suffix.lower()
    if ending == ".xml":
        return voc_xml.read(path, size)
    if ending != ".json":
        raise InputError(f"expected objects in a file that ends in .json or .xml, got {path}")
    content = _json(path)
    if isinstance(content, dict) and "annotation" in content:
        return annotation_json.read(content, str(path), size)
    if isinstance(content, dict) and "shapes" in content:
        return labelme_json.read(content, str(path), size)
    raise InputError(f"{path}: expected `annotation` with a list `object`, or LabelMe's `shapes`, got {shown(content)}")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}; check the path and its permissions") from e
    except (ValueError, RecursionError) as e:
        raise InputError(f"{path}: expected JSON, got something else ({' '.join(str(e).split())})") from e

"""The file of one committed visit: its name, and its content as a zipped zarr group."""

import json
import re
import zipfile
from collections.abc import Container, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from overseg.data.appearances import Appearances
from overseg.data.masks import Masks
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Edges, Frontier, Outline, Visit, VisitKey
from overseg.errors import StoreError
from overseg.store.columns import stored_names, to_arrays, to_table
from overseg.store.folder import Folder
from overseg.store.zipped_zarr import Arrays, pack, unpack

_NAME = re.compile(r"(\d{10})-(\d{10})\.round(\d{2})\.(forward|backward)\.zarr\.zip")


def part_name(key: VisitKey) -> str:
    """The file name of a visit. Sorting by name sorts by time.

    Example:
        >>> part_name(VisitKey(0, 5, 10, Direction.FORWARD))
        '0000000005-0000000010.round00.forward.zarr.zip'
    """
    return f"{key.start:010}-{key.stop:010}.round{key.round:02}.{key.direction}.zarr.zip"


def part_key(name: str) -> VisitKey | None:
    """The visit of a part's file name; None for the name of something else."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    start, stop, round_, direction = match.groups()
    return VisitKey(int(round_), int(start), int(stop), Direction(direction))


def encode_visit(visit: Visit) -> bytes:
    """The content of a part."""
    groups = {
        "masks": to_arrays(visit.masks) | {"area_px": visit.masks.rles.area_px().astype("int32")},
        "endings": to_arrays(visit.terminations),
        "edges": to_arrays(visit.edges),
        "frontier": to_arrays(visit.frontier),
        "looks": to_arrays(visit.appearances),
    }
    key = visit.key
    attributes = {
        "format": "overseg-part",
        "round": int(key.round),
        "start": int(key.start),
        "stop": int(key.stop),
        "direction": str(key.direction),
        "size": list(visit.masks.rles.size),
        "seconds": {stage: float(seconds) for stage, seconds in visit.seconds.items()},
    }
    return pack(groups, attributes)


def read_visit(parts: Folder, key: VisitKey, size: tuple[int, int]) -> Visit:
    """A committed visit."""
    with _readable(parts, key):
        groups, attributes = _load(parts, key)
        if attributes["size"] != list(size):
            raise ValueError(f"it holds masks of {attributes['size']} px")
        return Visit(
            key=key,
            masks=to_table(Masks, groups["masks"], size),
            terminations=to_table(Terminations, groups["endings"], size),
            edges=to_table(Edges, groups["edges"], size),
            frontier=to_table(Frontier, groups["frontier"], size),
            appearances=to_table(Appearances, groups["looks"], size),
            seconds=attributes["seconds"],
        )


def read_outline(parts: Folder, key: VisitKey) -> tuple[Outline, Edges]:
    """A committed visit without its masks."""
    with _readable(parts, key):
        groups, _ = _load(parts, key, skip=_NOT_IN_OUTLINE)
        return to_table(Outline, groups["masks"], (0, 0)), to_table(Edges, groups["edges"], (0, 0))


def read_mask_arrays(parts: Folder, key: VisitKey) -> Arrays:
    """The columns of a committed visit's masks, with `area_px`."""
    with _readable(parts, key):
        return _load(parts, key)[0]["masks"]


def read_terminations(parts: Folder, key: VisitKey) -> Terminations:
    """Where and why the masklets of a committed visit ended."""
    with _readable(parts, key):
        return to_table(Terminations, _load(parts, key, skip=_NOT_IN_TERMINATIONS)[0]["endings"], (0, 0))


def read_appearances(parts: Folder, key: VisitKey) -> Appearances:
    """The appearance embeddings of the regions that a committed visit made."""
    with _readable(parts, key):
        return to_table(Appearances, _load(parts, key, skip=_NOT_IN_APPEARANCES)[0]["looks"], (0, 0))


def read_seconds(parts: Folder, key: VisitKey) -> dict[str, float]:
    """Time that a committed visit took, in seconds by stage."""
    with _readable(parts, key), zipfile.ZipFile(BytesIO(parts.read(part_name(key)))) as archive:
        return json.loads(archive.read("zarr.json"))["attributes"]["seconds"]


_RLES = {"rle_bytes", "rle_offsets"}
_COLUMNS = {name for table in (Masks, Terminations, Appearances) for name in stored_names(table)} | _RLES
_NOT_IN_OUTLINE = _COLUMNS - {name for table in (Outline, Edges) for name in stored_names(table)}
_NOT_IN_TERMINATIONS = _COLUMNS - set(stored_names(Terminations))
_NOT_IN_APPEARANCES = _COLUMNS - set(stored_names(Appearances))


def _load(parts: Folder, key: VisitKey, skip: Container[str] = ()) -> tuple[dict[str, Arrays], dict[str, Any]]:
    groups, attributes = unpack(parts.read(part_name(key)), skip)
    found = tuple(attributes[name] for name in ("round", "start", "stop", "direction"))
    if found != (key.round, key.start, key.stop, str(key.direction)):
        raise ValueError("it holds another visit")
    for name, arrays in groups.items():
        if len({len(array) for column, array in arrays.items() if not column.startswith("rle_")}) > 1:
            raise ValueError(f"the columns of {name} differ in length")
    return groups, attributes


@contextmanager
def _readable(parts: Folder, key: VisitKey) -> Iterator[None]:
    """Turn errors of reading a part inside this block into one line."""
    try:
        yield
    except (OSError, zipfile.BadZipFile, KeyError, IndexError, TypeError, ValueError, RuntimeError) as e:
        raise StoreError(
            f"the committed visit {parts / part_name(key)} cannot be read ({' '.join(str(e).split())}); delete this "
            "file and run the same command again, which makes the visit again"
        ) from e

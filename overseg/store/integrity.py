"""Checks that files of a store are unchanged, by size and sha256."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from overseg.store.folder import METADATA, Folder

Files = dict[str, list[Any]]
"""By path in a folder: [size in bytes, sha256 in hex]."""

CHECKSUM = "checksum"
_AT_ONCE = 16


def sealed(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes with a checksum of all of them."""
    return attributes | {CHECKSUM: _checksum(attributes)}


def is_sealed(attributes: dict[str, Any]) -> bool:
    """Whether the attributes match their checksum."""
    others = {name: value for name, value in attributes.items() if name != CHECKSUM}
    return attributes.get(CHECKSUM) == _checksum(others)


def files_in(folder: Folder) -> Files:
    """Size and sha256 of every file in a folder except its own `zarr.json`."""
    return {
        name: [n_bytes, _sha256(folder.read(name))]
        for name, n_bytes in sorted(folder.sizes().items())
        if name != METADATA
    }


def missing_or_cut(folder: Folder, files: Files) -> tuple[str, str] | None:
    """The first file that is missing or cut off, or whose metadata is damaged, and the reason; None if there is none.

    Compares sizes and reads metadata alone, which takes milliseconds on a disk. The content of chunks has zstd's
    checksums, which are checked when it is read; but a missing chunk would be read as zeros.
    """
    return next(_damaged(folder, files, only=METADATA), None)


def all_damaged(folder: Folder, files: Files) -> Iterator[tuple[str, str]]:
    """The path of every damaged file in the folder, and the reason. Reads all files."""
    return _damaged(folder, files, only="")


def _damaged(folder: Folder, files: Files, *, only: str) -> Iterator[tuple[str, str]]:
    """Compare sizes, and the content of the files whose names end with `only`."""
    try:
        sizes = folder.sizes()
    except OSError as e:
        yield "", f"it cannot be read: {e.strerror}"
        return
    yield from (
        (name, "it was not written with the others") for name in sorted(sizes.keys() - files.keys()) if _is_chunk(name)
    )
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # an object store is slow to answer, but answers many requests at once
        reasons = pool.map(partial(_reason, folder, files=files, sizes=sizes, only=only), files)
        yield from ((name, reason) for name, reason in zip(files, reasons, strict=True) if reason)


def _reason(folder: Folder, name: str, *, files: Files, sizes: dict[str, int], only: str) -> str:
    """The damage of a file in words; empty if it is unchanged."""
    n_bytes, sha256 = files[name]
    try:
        if name not in sizes:
            return "it is missing"
        if sizes[name] != n_bytes:
            return f"it has {sizes[name]} bytes of {n_bytes}"
        if name.endswith(only) and _sha256(folder.read(name)) != sha256:
            return "its content is not what was written"
    except OSError as e:
        return f"it cannot be read: {e.strerror}"
    return ""


def _is_chunk(name: str) -> bool:
    """Whether zarr may read this file as a chunk. A chunk of zeros has no file."""
    array, _, chunk = name.partition("/c/")
    return bool(array) and chunk.replace("/", "").isdecimal()


def _checksum(attributes: dict[str, Any]) -> str:
    canonical = json.dumps(attributes, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""Checks that files of a store are unchanged, by size and sha256."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from overseg.store.folder import METADATA, Folder, read_each

Files = dict[str, list[Any]]
"""By path in a folder: [size in bytes, sha256 in hex]."""

CHECKSUM = "checksum"


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
    yield from ((name, _misfit(n, sizes.get(name))) for name, (n, _) in files.items() if sizes.get(name) != n)
    read = [name for name in files if name.endswith(only) and sizes.get(name) == files[name][0]]
    reasons = read_each(folder, lambda name: _change(folder, name, files[name][1]), read)
    yield from ((name, reason) for name, reason in zip(read, reasons, strict=True) if reason)


def _misfit(n_bytes: int, found: int | None) -> str:
    """The damage, in words, of a file that has not the number of bytes that were written."""
    return "it is missing" if found is None else f"it has {found} bytes of {n_bytes}"


def _change(folder: Folder, name: str, sha256: str) -> str:
    """The damage of a file's content in words; empty if it is unchanged."""
    try:
        return "" if _sha256(folder.read(name)) == sha256 else "its content is not what was written"
    except OSError as e:
        return f"it cannot be read: {e.strerror}"


def _is_chunk(name: str) -> bool:
    """Whether zarr may read this file as a chunk. A chunk of zeros has no file."""
    array, _, chunk = name.partition("/c/")
    return bool(array) and chunk.replace("/", "").isdecimal()


def _checksum(attributes: dict[str, Any]) -> str:
    canonical = json.dumps(attributes, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

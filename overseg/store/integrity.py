"""What tells that files of a store are the ones that were written: sizes, and sha256."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Files = dict[str, list[Any]]
"""By path within a folder: size in bytes, and sha256 in hex."""

CHECKSUM = "checksum"
_METADATA = "zarr.json"


def sealed(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes with a checksum of them all."""
    return attributes | {CHECKSUM: _checksum(attributes)}


def is_sealed(attributes: dict[str, Any]) -> bool:
    """Whether attributes are the very ones that were sealed."""
    others = {name: value for name, value in attributes.items() if name != CHECKSUM}
    return attributes.get(CHECKSUM) == _checksum(others)


def files_in(folder: Path) -> Files:
    """Every file of a folder but its own `zarr.json`, as it is now."""
    paths = sorted(Path(inner, name) for inner, _, names in os.walk(folder) for name in names)
    return {
        path.relative_to(folder).as_posix(): [path.stat().st_size, _sha256(path)]
        for path in paths
        if path != folder / _METADATA
    }


def missing_or_cut(folder: Path, files: Files) -> tuple[Path, str] | None:
    """The first file that is not there, or not whole, or whose metadata is damaged; None where there is none.

    Looks at sizes and reads metadata alone, which takes milliseconds. What is in the chunks is checked, by zstd's
    checksums, when they are read; but a chunk that is missing would be read as zeros.
    """
    return next(_damaged(folder, files, only=_METADATA), None)


def all_damaged(folder: Path, files: Files) -> Iterator[tuple[Path, str]]:
    """Every file that is not the one that was written, and what is wrong with it. Reads all of them."""
    return _damaged(folder, files, only="")


def _damaged(folder: Path, files: Files, *, only: str) -> Iterator[tuple[Path, str]]:
    """Compares the content of those files whose names end with `only`."""
    for name, (n_bytes, sha256) in files.items():
        path = folder / name
        try:
            found = path.stat().st_size
            if found != n_bytes:
                yield path, f"it has {found} bytes of {n_bytes}"
            elif name.endswith(only) and _sha256(path) != sha256:
                yield path, "its content is not what was written"
        except FileNotFoundError:
            yield path, "it is missing"
        except OSError as e:
            yield path, f"it cannot be read: {e.strerror}"


def _checksum(attributes: dict[str, Any]) -> str:
    canonical = json.dumps(attributes, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

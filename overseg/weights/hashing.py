"""Hashes of weights; a run records them, so that its result identifies the weights."""

import hashlib
from pathlib import Path

from overseg.errors import WeightsError


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, 64 hexadecimal digits. Takes about a second per gigabyte.

    Raises:
        WeightsError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as e:
        raise WeightsError(f"cannot read the weights at {path}: {e.strerror}") from e


def fingerprints(path: Path) -> dict[str, str]:
    """Return file name -> sha256 of the weights at `path`: of the one file, or of the folder's weights and config.

    Raises:
        WeightsError: a file cannot be read.
    """
    patterns = ("*.onnx", "*.safetensors", "config.json", "*.pt", "*.pth")
    files = sorted(file for one in patterns for file in path.glob(one)) if path.is_dir() else [path]
    return {file.name: sha256_of(file) for file in files}

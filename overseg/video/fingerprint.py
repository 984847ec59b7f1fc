"""A hash of a video's content."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from overseg.errors import InputError

FULL_HASH_BYTES = 256 * 2**20
_READ_BYTES = 2**20
_SAMPLED_BLOCKS = 64


def fingerprint(files: Sequence[Path], *, with_names: bool) -> str:
    """Return the SHA-256 over the bytes of `files` in order, as a hex string.

    Up to 256 MiB in total every byte is hashed, so that for one file without its name the result is the file's plain
    SHA-256. Beyond that, reading everything at every start takes too long: each file then contributes its size and
    1 MiB blocks spread evenly from its first byte to its last, 64 in all or one per file. Two large files that differ
    only between the blocks get the same hash.

    Args:
        files: the files to hash.
        with_names: whether to hash file names, each before its bytes; order and names of a folder are content.

    Raises:
        InputError: a file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        n_bytes = [file.stat().st_size for file in files]
        sampled = sum(n_bytes) > FULL_HASH_BYTES
        for file, size in zip(files, n_bytes, strict=True):
            if with_names:
                digest.update(f"{file.name}\0{size}\0".encode("utf-8", "surrogateescape"))
            elif sampled:
                digest.update(f"{size}\0".encode())
            for block in _blocks(file, size, max(1, _SAMPLED_BLOCKS // len(files)) if sampled else None):
                digest.update(block)
    except OSError as e:
        raise InputError(f"cannot read {e.filename}: {e.strerror}; check that the file is there and readable") from e
    return digest.hexdigest()


def _blocks(file: Path, size: int, n_blocks: int | None) -> Iterator[bytes]:
    """Yield the whole file in blocks, or `n_blocks` blocks spread evenly over it."""
    with file.open("rb") as stream:
        if n_blocks is None or size <= n_blocks * _READ_BYTES:
            while block := stream.read(_READ_BYTES):
                yield block
            return
        for number in range(n_blocks):
            stream.seek(number * (size - _READ_BYTES) // max(1, n_blocks - 1))
            yield stream.read(_READ_BYTES)

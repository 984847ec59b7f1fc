"""A hash that tells one video from another."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from overseg.errors import InputError

FULL_HASH_BYTES = 256 * 2**20
_READ_BYTES = 2**20
_SAMPLED_BLOCKS = 64


def fingerprint(files: Sequence[Path], *, with_names: bool) -> str:
    """SHA-256 over the bytes of `files` in order, as a hex string.

    Up to 256 MiB together every byte counts, so that for one file without its name this is the file's plain SHA-256.
    Beyond that, reading takes too long to do at every start: then each file counts by its size and by 1 MiB blocks
    spread evenly from its first byte to its last, 64 in all or one per file. Two large files that differ only between
    the blocks are taken for the same.

    Args:
        files: what to hash.
        with_names: whether file names count, each ahead of its bytes; a folder's order and names are content.

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
    """All of the file piece by piece, or `n_blocks` pieces spread evenly over it."""
    with file.open("rb") as stream:
        if n_blocks is None or size <= n_blocks * _READ_BYTES:
            while block := stream.read(_READ_BYTES):
                yield block
            return
        for number in range(n_blocks):
            stream.seek(number * (size - _READ_BYTES) // max(1, n_blocks - 1))
            yield stream.read(_READ_BYTES)

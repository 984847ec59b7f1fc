"""The place of fetched checkpoints on this machine."""

import os
from pathlib import Path

import platformdirs

from overseg.errors import WeightsError
from overseg.weights.catalogue import Checkpoint, WeightFile, catalogue, checkpoint_named
from overseg.weights.hub import hub_catalogue, hub_path


def default_cache_dir() -> Path:
    """Folder of overseg's cache: $OVERSEG_CACHE, else the user's cache folder. Nothing else reads that variable."""
    return Path(os.environ.get("OVERSEG_CACHE") or platformdirs.user_cache_dir("overseg"))


def cached_path(checkpoint: Checkpoint, *, cache_dir: Path | None = None) -> Path:
    """Path of this checkpoint in the cache, fetched or not: a file, or a folder of several files."""
    root = (cache_dir or default_cache_dir()) / "weights"
    return root / (checkpoint.name if checkpoint.is_folder else checkpoint.files[0].name)


def cached_file(checkpoint: Checkpoint, file: WeightFile, *, cache_dir: Path | None = None) -> Path:
    """Path of one file of this checkpoint in the cache, fetched or not."""
    path = cached_path(checkpoint, cache_dir=cache_dir)
    return path / file.name if checkpoint.is_folder else path


def missing_files(checkpoint: Checkpoint, *, cache_dir: Path | None = None) -> tuple[WeightFile, ...]:
    """Files of this checkpoint that are missing in the cache, or have another length there."""
    return tuple(
        file for file in checkpoint.files if not _has_length(cached_file(checkpoint, file, cache_dir=cache_dir), file)
    )


def weights_path(name_or_path: str | Path, *, cache_dir: Path | None = None) -> Path:
    """Return the file or folder of these weights on this machine.

    Args:
        name_or_path: name of a checkpoint in the catalogue, or an existing path, which is returned unchanged.
        cache_dir: folder of overseg's cache; None for `default_cache_dir()`.

    Raises:
        WeightsError: the path does not exist, or the named checkpoint is not in the cache.
    """
    if str(name_or_path) in hub_catalogue():
        return hub_path(hub_catalogue()[str(name_or_path)])
    if str(name_or_path) not in catalogue() and Path(name_or_path).exists():
        return Path(name_or_path)
    if str(name_or_path) not in catalogue() and _looks_like_path(name_or_path):
        raise WeightsError(f"expected weights at {name_or_path}, and nothing is there; check the path, or give a name")
    checkpoint = checkpoint_named(str(name_or_path))
    if missing_files(checkpoint, cache_dir=cache_dir):
        raise WeightsError(
            f"weights {checkpoint.name} are not in the cache: run `overseg weights fetch {checkpoint.name}`, "
            f"or {where_to_put(checkpoint, cache_dir=cache_dir)}"
        )
    return cached_path(checkpoint, cache_dir=cache_dir)


def where_to_put(checkpoint: Checkpoint, *, cache_dir: Path | None = None) -> str:
    """Instruction for a user without a network, as the end of a sentence: which file to put where."""
    puts = (
        f"put {file.name} (sha256 {file.sha256}) at {cached_file(checkpoint, file, cache_dir=cache_dir)}"
        for file in missing_files(checkpoint, cache_dir=cache_dir)
    )
    return f"{' and '.join(puts)}; it comes from {checkpoint.source}"


def _has_length(path: Path, file: WeightFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size_bytes


def _looks_like_path(name_or_path: str | Path) -> bool:
    return isinstance(name_or_path, Path) or os.sep in name_or_path or Path(name_or_path).suffix in _SUFFIXES


_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".bin", ".onnx", ".safetensors"})

"""Checkpoints: their names, official sources, hashes, and their place on this machine."""

from overseg.weights.cache import cached_path, default_cache_dir, missing_files, weights_path
from overseg.weights.catalogue import Checkpoint, WeightFile, catalogue
from overseg.weights.fetching import fetch
from overseg.weights.hashing import fingerprints, sha256_of

__all__ = [
    "Checkpoint",
    "WeightFile",
    "cached_path",
    "catalogue",
    "default_cache_dir",
    "fetch",
    "fingerprints",
    "missing_files",
    "sha256_of",
    "weights_path",
]

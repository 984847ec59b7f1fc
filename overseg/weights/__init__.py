"""Checkpoints: their names, official sources, hashes, and their place on this machine."""

from overseg.weights.cache import cached_path, default_cache_dir, missing_files, weights_path
from overseg.weights.catalogue import Checkpoint, WeightFile, catalogue
from overseg.weights.fetching import fetch
from overseg.weights.hashing import fingerprints, sha256_of
from overseg.weights.hub import HubCheckpoint, fetch_from_hub, hub_catalogue, hub_folder

__all__ = [
    "Checkpoint",
    "HubCheckpoint",
    "WeightFile",
    "cached_path",
    "catalogue",
    "default_cache_dir",
    "fetch",
    "fetch_from_hub",
    "fingerprints",
    "hub_catalogue",
    "hub_folder",
    "missing_files",
    "sha256_of",
    "weights_path",
]

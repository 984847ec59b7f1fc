"""Weights on the hub, for models of transformers: their names, official sources, licences, and their place here.

The hub's own cache holds them: `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and the hub's own login hold.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from overseg.errors import SettingsError, WeightsError

_HUB = "https://huggingface.co"
_FILES = ["*.json", "*.txt", "model.safetensors"]
_YES = frozenset({"1", "ON", "YES", "TRUE"})  # as the hub's client reads its switches


@dataclass(frozen=True)
class HubCheckpoint:
    """A named set of weights on the hub.

    Attributes:
        name: its name for `--propagator-weights`, `--detector` and the like.
        family: the model that the weights are of, as adapters name it.
        repo: "owner/name" on the hub.
        licence: SPDX identifier, or the licence's own name.
        size_bytes: of its weights, about.
        is_gated: whether its owner asks for an agreement first.
        revision: the branch or commit that is fetched.
    """

    name: str
    family: str
    repo: str
    licence: str
    size_bytes: int
    is_gated: bool = False
    revision: str = "main"

    @property
    def source(self) -> str:
        """Address of its page."""
        return f"{_HUB}/{self.repo}"


_CHECKPOINTS = (
    HubCheckpoint("edgetam", "edgetam", "yonigozlan/EdgeTAM-hf", "Apache-2.0", 56_000_000),
    HubCheckpoint("sam2.1_hiera_tiny_hf", "sam2-hf", "facebook/sam2.1-hiera-tiny", "Apache-2.0", 156_000_000),
    HubCheckpoint("sam2.1_hiera_small_hf", "sam2-hf", "facebook/sam2.1-hiera-small", "Apache-2.0", 184_000_000),
    HubCheckpoint("sam2.1_hiera_base_plus_hf", "sam2-hf", "facebook/sam2.1-hiera-base-plus", "Apache-2.0", 323_000_000),
    HubCheckpoint("sam2.1_hiera_large_hf", "sam2-hf", "facebook/sam2.1-hiera-large", "Apache-2.0", 898_000_000),
    HubCheckpoint("sam3", "sam3", "facebook/sam3", "SAM-License", 3_440_000_000, is_gated=True),
    HubCheckpoint("grounding_dino_tiny", "words", "IDEA-Research/grounding-dino-tiny", "Apache-2.0", 690_000_000),
    HubCheckpoint("owlv2_base", "words", "google/owlv2-base-patch16-ensemble", "Apache-2.0", 620_000_000),
)
_CATALOGUE = MappingProxyType({one.name: one for one in _CHECKPOINTS})


def hub_catalogue() -> Mapping[str, HubCheckpoint]:
    """All weights on the hub that have a name in overseg. Read only."""
    return _CATALOGUE


def hub_cache() -> Path:
    """Folder of the hub's cache: $HF_HUB_CACHE, else `hub` in $HF_HOME, else in the user's cache folder."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()


def hub_folder(checkpoint: HubCheckpoint) -> Path | None:
    """The folder of these weights in the hub's cache; None where they are not complete there."""
    place = hub_cache() / f"models--{checkpoint.repo.replace('/', '--')}"
    ref = place / "refs" / checkpoint.revision
    commit = ref.read_text().strip() if ref.is_file() else checkpoint.revision
    folder = place / "snapshots" / commit
    is_here = all((folder / name).is_file() for name in ("config.json", "model.safetensors"))
    return folder if is_here else None


def hub_path(checkpoint: HubCheckpoint) -> Path:
    """The folder of these weights.

    Raises:
        WeightsError: they are not in the hub's cache.
    """
    folder = hub_folder(checkpoint)
    if folder is None:
        raise WeightsError(
            f"weights {checkpoint.name} are not in the hub's cache {hub_cache()}: "
            f"run `overseg weights fetch {checkpoint.name}`{_agreement(checkpoint)}"
        )
    return folder


def fetch_from_hub(checkpoint: HubCheckpoint) -> Path:
    """Return the folder of these weights; fetch them into the hub's cache first if they are missing.

    Raises:
        WeightsError: they cannot be fetched. The message says why, and what to do.
        SettingsError: the hub's client is not installed.
    """
    folder = hub_folder(checkpoint)
    if folder is not None:
        return folder
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES:
        raise WeightsError(
            f"weights {checkpoint.name} are not in the hub's cache {hub_cache()}, and HF_HUB_OFFLINE is set: unset it, "
            f"or copy the cache of a machine that has them{_agreement(checkpoint)}"
        )
    _download(checkpoint)
    return hub_path(checkpoint)


def _download(checkpoint: HubCheckpoint) -> None:
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as e:
        raise SettingsError(
            f"weights {checkpoint.name} come from the hub, whose client is missing: pip install 'overseg[transformers]'"
        ) from e
    endpoint = os.environ.get("HF_ENDPOINT") or _HUB
    start = f"cannot fetch weights {checkpoint.name}"
    try:
        huggingface_hub.snapshot_download(
            checkpoint.repo,
            revision=checkpoint.revision,
            cache_dir=hub_cache(),
            endpoint=endpoint,
            allow_patterns=_FILES,
        )
    except errors.GatedRepoError as e:
        raise WeightsError(f"{start}: its owner asks for an agreement{_agreement(checkpoint)}") from e
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as e:
        raise WeightsError(
            f"{start}: {endpoint} has no {checkpoint.repo} at {checkpoint.revision}, or it is not open to this login"
            f"{_agreement(checkpoint)}"
        ) from e
    except Exception as e:  # the hub's client raises errors of its transport, of its own, and of the system
        raise WeightsError(
            f"{start}: {endpoint} cannot be reached, or broke off ({type(e).__name__}); check the network and "
            f"HF_ENDPOINT and run the same command again, or copy the cache {hub_cache()} of a machine that has them"
        ) from e


def _agreement(checkpoint: HubCheckpoint) -> str:
    """The end of a line: how to get at weights whose owner asks for an agreement."""
    if not checkpoint.is_gated:
        return ""
    return f"; agree to its licence at {checkpoint.source}, then log in with `hf auth login` or set HF_TOKEN"

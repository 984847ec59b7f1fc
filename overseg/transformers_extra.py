"""Imports transformers, which is an extra of this package."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from overseg.errors import SettingsError, WeightsError
from overseg.torchvision_ops import import_torchvision

LEAST_VERSION = (5, 20)
_CONFIG = "config.json"
_INSTALL = "pip install 'overseg[transformers]'"


def import_transformers(title: str) -> ModuleType:
    """Return the package, without its progress bars and warnings.

    Args:
        title: what needs it, for the errors' line.

    Raises:
        SettingsError: it is missing or too old.
    """
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    import_torchvision()
    try:
        import transformers
    except ImportError as e:
        raise SettingsError(f"{title} needs the package transformers: {_INSTALL}") from e
    _check_version(title, transformers.__version__)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _check_version(title: str, version: str) -> None:
    found = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if found < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise SettingsError(f"{title} needs transformers {least} or newer, found {version}: {_INSTALL} --upgrade")


def check_model_type(folder: Path, accepted: Sequence[str], *, title: str) -> str:
    """Return what the model in a folder calls itself.

    Args:
        folder: `config.json` and weights, as transformers writes them.
        accepted: the types that it may have; the first one is named in errors.
        title: the model that is expected, for people.

    Raises:
        WeightsError: the folder holds another model, or none.
    """
    try:
        found = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        raise WeightsError(
            f"expected a folder of weights of {title} for transformers, with {_CONFIG} and model.safetensors, "
            f"at {folder}: {getattr(e, 'strerror', None) or 'it is no text'}; see `overseg weights list`"
        ) from e
    except ValueError as e:
        raise WeightsError(f"{folder / _CONFIG} is no JSON: {e}; fetch it again") from e
    kind = found.get("model_type") if isinstance(found, dict) else None
    if kind not in accepted:
        raise WeightsError(
            f"expected weights of {title} ({accepted[0]}) in {folder}, got those of {kind or 'no model'}; "
            "see `overseg weights list`"
        )
    return str(kind)

"""Reads a torch checkpoint that may be damaged, of another kind, or malicious, with a clear error for each case."""

import pickle
import zipfile
from pathlib import Path

import torch

from overseg.errors import WeightsError

_NESTING = ("model", "state_dict")
_ZIP_MAGIC = b"PK\x03\x04"


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Return parameter name -> tensor (on the CPU) of the checkpoint at `path`.

    Only tensors are unpickled (`weights_only=True`). A state dict under the key "model" or "state_dict", as in SAM 2's
    files, is unwrapped. Where a file holds several, as MobileSAMv2's decoder does, names begin with their keys.

    Raises:
        WeightsError: the file cannot be read, is not a torch checkpoint, contains something other than a state dict, or
            contains numbers that are not finite.
    """
    _refuse_other_files(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as e:
        raise WeightsError(f"{path} is not a checkpoint of plain tensors, or is damaged; fetch it again") from e
    except MemoryError:
        raise
    except Exception as e:  # on other bytes, the unpickler may raise anything: IndexError, struct.error, …
        raise WeightsError(f"{path} is not a torch checkpoint, or is cut off or damaged; fetch it again") from e
    for key in _NESTING:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if isinstance(content, dict) and content and all(isinstance(part, dict) for part in content.values()):
        content = {f"{key}.{name}": value for key, part in content.items() for name, value in part.items()}
    return _checked(content, path)


def _refuse_other_files(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as e:
        raise WeightsError(f"cannot read the weights at {path}: {e.strerror}") from e
    if not head:
        raise WeightsError(f"{path} is empty where a torch checkpoint was expected; fetch it again")
    if head.lstrip()[:1] == b"<":
        raise WeightsError(f"{path} is a web page where a torch checkpoint was expected; download the file itself")
    if head.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{path} is a Git LFS pointer where a torch checkpoint was expected; run `git lfs pull`")
    if head.startswith(_ZIP_MAGIC) and not zipfile.is_zipfile(path):
        raise WeightsError(f"{path} is cut off: it starts like a torch checkpoint and has no end; fetch it again")


def _checked(content: object, path: Path) -> dict[str, torch.Tensor]:
    """Return the content if it is a state dict of finite numbers; raise WeightsError otherwise."""
    is_state_dict = isinstance(content, dict) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    )
    if not isinstance(content, dict) or not is_state_dict or not content:
        raise WeightsError(f"expected a state dict (names and tensors) in {path}, got {_describe(content)}")
    for name, value in content.items():
        if value.is_floating_point() and not _is_finite(value):
            raise WeightsError(f"{path} contains numbers that are not finite (in {name}); fetch it again")
    return content


def _is_finite(value: torch.Tensor) -> bool:
    """Whether all numbers are. A finite sum, which is quick, says so; another may be one of finite numbers."""
    return bool(torch.isfinite(value.sum()) or torch.isfinite(value).all())


def _describe(content: object) -> str:
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    return f"a dict with the keys {', '.join(repr(key) for key in list(content)[:5]) or '(none)'}"

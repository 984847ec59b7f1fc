"""Errors a user can cause. The command line prints them as one line and exits with their code."""

from collections.abc import Iterable
from pathlib import Path


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The end of a message about a word that does not exist; empty if no word is like it, or if it is no text.

    >>> did_you_mean("coc", ["coco", "davis"]), did_you_mean("x", ["coco"])
    (': did you mean coco?', '')
    >>> did_you_mean(3, ["coco"])
    ''
    """
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1) if isinstance(word, str) else []
    return f": did you mean {near[0]}?" if near else ""


def nothing_at(path: Path) -> str:
    """What to say of a path at which there is nothing: a path made of an address has lost one of its slashes.

    >>> nothing_at(Path("cup.mp4")), nothing_at(Path("https://example.com/cup.mp4"))
    ('there is no file or folder cup.mp4', 'https://example.com/cup.mp4 is an address: download the video first')
    """
    import re

    address = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.+)", str(path))
    if address is None:
        return f"there is no file or folder {path}"
    return f"{address[1]}://{address[2]} is an address: download the video first"


class OversegError(Exception):
    """Says what was expected, what came, where, and what to do next, in one line."""

    exit_code = 1


class InputError(OversegError):
    """The video, image folder or file given cannot be used."""


class SettingsError(OversegError):
    """An option has a value it cannot have, or options do not fit together."""

    exit_code = 2


class WeightsError(OversegError):
    """A checkpoint is unknown, missing, damaged, or could not be fetched."""


class StoreError(OversegError):
    """A store cannot be read, written, or continued with these settings."""


class StoreBusyError(StoreError):
    """Another process is writing the store."""


class DeviceError(OversegError):
    """The device asked for is not there, or has not enough memory."""


class HostError(OversegError):
    """A service on another machine cannot be reached, refuses, or failed at what it was asked for."""


_OUT_OF_MEMORY = (
    "out of memory",  # CUDA and MPS
    "_STATUS_ALLOC_FAILED",  # CUDA's libraries, such as cuBLAS for its workspace
    "can't allocate memory",  # PyTorch on a CPU
    "Failed to allocate memory",  # onnxruntime
    "Insufficient memory",  # OpenCV
)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of NumPy, OpenCV, onnxruntime or PyTorch says that memory ran out. Each has errors of its own.

    >>> is_out_of_memory(RuntimeError("MPS backend out of memory"))
    True
    """
    is_of_class = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"  # torch is not imported
    return is_of_class or any(words in str(error) for words in _OUT_OF_MEMORY)

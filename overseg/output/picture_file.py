"""Writing of one RGB picture to a file."""

import os
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from overseg.errors import InputError, SettingsError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


def check_picture_name(path: str | Path) -> None:
    """See that a picture can have this name.

    Raises:
        SettingsError: its ending names no kind of picture.
    """
    if Path(path).suffix.lower() not in PICTURE_SUFFIXES:
        raise SettingsError(
            f"cannot write a picture to {path}: its name must end in one of {', '.join(PICTURE_SUFFIXES)}"
        )


def write_picture(path: str | Path, rgb: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write a picture; the name's ending picks the format. The file takes its name when all of it is written.

    Args:
        path: the file; an older one of that name is replaced.
        rgb: the picture, red first.

    Raises:
        SettingsError: the name's ending names no kind of picture.
        InputError: no file can be written there.
    """
    import cv2

    check_picture_name(path)
    path = Path(path)
    _, encoded = cv2.imencode(path.suffix.lower(), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    part = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        part.write_bytes(encoded.tobytes())
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise InputError(
            f"cannot write the picture {path}: {e.strerror}; check that its folder exists, is writable and has room"
        ) from e

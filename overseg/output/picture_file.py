"""Writes one picture to a file."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from overseg.errors import InputError, SettingsError
from overseg.files.atomic import replacing

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
_WITH_ALPHA = (".png", ".webp", ".tif", ".tiff")
_RGB, _RGBA = 3, 4


def check_picture_name(path: str | Path, *, channels: int = _RGB) -> None:
    """Check that a picture with this number of channels can have this name.

    Raises:
        SettingsError: its ending is not that of a picture, or of a format without alpha.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise SettingsError(
            f"cannot write a picture to {path}: its name must end in one of {', '.join(PICTURE_SUFFIXES)}"
        )
    if channels == _RGBA and suffix not in _WITH_ALPHA:
        raise SettingsError(f"{suffix} holds no alpha: take one of {', '.join(_WITH_ALPHA)}")


def check_quality(quality: int | None) -> None:
    """Raise SettingsError unless the quality is from 1 to 100, or None for the format's own."""
    if quality is not None and not 1 <= quality <= 100:
        raise SettingsError(f"--quality takes a whole number from 1 to 100, not {quality}")


def write_picture(path: str | Path, picture: UInt8[np.ndarray, "h w c"], *, quality: int | None = None) -> None:
    """Write a picture in the format of the name's ending. The file gets its name once it is complete.

    Args:
        path: the file; an older file of that name is replaced.
        picture: grey (1 channel), RGB (3), or RGB and straight alpha (4).
        quality: of jpg and webp, from 1 to 100; None for jpg at 95 and lossless webp. Other formats are lossless.

    Raises:
        SettingsError: the name's ending is not that of a picture, or of a format without alpha.
        InputError: the file cannot be written.
    """
    import cv2

    check_picture_name(path, channels=picture.shape[2])
    path = Path(path)
    to_bgr = {_RGB: cv2.COLOR_RGB2BGR, _RGBA: cv2.COLOR_RGBA2BGRA}
    ordered = cv2.cvtColor(picture, to_bgr[picture.shape[2]]) if picture.shape[2] in to_bgr else picture
    suffix = path.suffix.lower()
    key = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".jpeg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}
    lossy = [] if quality is None or suffix not in key else [key[suffix], quality]
    _, encoded = cv2.imencode(suffix, ordered, lossy)
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(encoded.tobytes())
    except OSError as e:
        raise InputError(
            f"cannot write the picture {path}: {e.strerror}; check that its folder exists, is writable and has room"
        ) from e

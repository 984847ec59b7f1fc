"""Amounts of memory in words, such as 4G."""

import re

from overseg.errors import SettingsError

_MOST_BYTES = 1 << 60
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_bytes(text: object, *, option: str) -> int:
    """A number of bytes: a whole number, or a number with K, M, G or T, which are powers of 1024.

    >>> parse_bytes("4G", option="--feature-cache")
    4294967296

    Args:
        text: the value of the option.
        option: name of the option, for the error message.

    Raises:
        SettingsError: the text has another form, or stands for more than 2**60 bytes.
    """
    n_bytes = _number(text)
    if n_bytes is None:
        raise SettingsError(f"{option} takes an amount of memory such as 512M, 4G or 0, not {text!r}")
    if n_bytes > _MOST_BYTES:
        raise SettingsError(f"{option} takes at most {_MOST_BYTES // _UNITS['T']}T, and was given more")
    return int(n_bytes)


def _number(text: object) -> int | float | None:
    """The number of bytes, infinite if a float cannot hold it; None if the text is no amount."""
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    found = (
        re.fullmatch(r"(\d+(?:\.\d+)?) *([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
        if isinstance(text, str)
        else None
    )
    return None if found is None else float(found[1]) * _UNITS[found[2].upper()]

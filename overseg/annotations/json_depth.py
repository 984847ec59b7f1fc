"""How deep the lists and objects of a JSON file are nested, found at the speed of reading it."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from overseg.annotations.encoded import opened_json
from overseg.errors import InputError

MAX_DEPTH = 200  # formats have up to ten
_PIECE_BYTES = 1 << 20
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_QUOTE = ord('"')
_STEP = np.zeros(256, np.int32)
_STEP[[ord("["), ord("{")]], _STEP[[ord("]"), ord("}")]] = 1, -1


def refuse_deep(path: Path) -> None:
    """Refuse with InputError a file that is nested so deep that a parser would need unbounded memory."""
    status = path.stat()
    if _depth(path, status.st_mtime_ns, status.st_size) > MAX_DEPTH:
        raise InputError(
            f"{path} holds lists within lists, more than {MAX_DEPTH} deep; no tool writes such files: replace it"
        )


@lru_cache(maxsize=16)
def _depth(path: Path, changed_ns: int, n_bytes: int) -> int:
    """Depth of the file at that time; cached, since a file is read several times."""
    with opened_json(path) as file:
        return depth(file)


def depth(file: Any) -> int:
    """The largest number of lists and objects that are open at once in a file to read bytes from.

    >>> from io import BytesIO
    >>> depth(BytesIO(b'{"a[": [[1], {"b": 2}]}'))
    3
    """
    deepest = now = 0
    in_text, rest = False, b""
    while piece := file.read(_PIECE_BYTES):
        piece = rest + piece
        n_last = len(piece) - len(piece.rstrip(b"\\"))
        rest = b"\\" if n_last % 2 else b""  # what it escapes is not read yet
        content = np.frombuffer(_ESCAPED.sub(b"  ", piece.removesuffix(rest)), np.uint8)
        quotes = np.cumsum(content == _QUOTE) + in_text
        steps = np.cumsum(np.where(quotes % 2, 0, _STEP[content])) + now
        if len(content):
            deepest, now, in_text = max(deepest, int(steps.max())), int(steps[-1]), bool(quotes[-1] % 2)
    return deepest

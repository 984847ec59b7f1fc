"""How deep the lists and objects of a JSON file are nested, found at the speed of reading it."""

import re

import numpy as np

_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_QUOTE = ord('"')
_STEP = np.zeros(256, np.int32)
_STEP[[ord("["), ord("{")]], _STEP[[ord("]"), ord("}")]] = 1, -1
_COUNTS = _STEP != 0
_COUNTS[_QUOTE] = True


class JsonDepth:
    """The largest number of lists and objects that are open at once in the pieces of a JSON file in UTF-8.

    >>> depth = JsonDepth()
    >>> depth.add(b'{"a[": [[1')
    >>> depth.add(b'], {"b": 2}]}')
    >>> depth.deepest
    3
    """

    def __init__(self) -> None:
        self.deepest = 0
        self._now = 0
        self._in_text = False
        self._rest = b""  # a backslash, of which what it escapes is not read yet

    def add(self, piece: bytes) -> None:
        """Count what the next piece of the file opens and closes outside of texts."""
        piece = self._rest + piece
        n_last = len(piece) - len(piece.rstrip(b"\\"))
        self._rest = b"\\" if n_last % 2 else b""
        whole = piece.removesuffix(self._rest)
        content = np.frombuffer(_ESCAPED.sub(b"  ", whole) if b"\\" in whole else whole, np.uint8)
        content = content[_COUNTS[content]]
        if not len(content):
            return
        quotes = np.cumsum(content == _QUOTE) + self._in_text
        steps = np.cumsum(np.where(quotes % 2, 0, _STEP[content])) + self._now
        self.deepest = max(self.deepest, int(steps.max()))
        self._now, self._in_text = int(steps[-1]), bool(quotes[-1] % 2)

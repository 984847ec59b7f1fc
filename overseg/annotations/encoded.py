"""Text files in the encodings in which tools on any system write them, and JSON with the numbers that JSON lacks."""

import codecs
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from overseg.annotations.json_depth import JsonDepth

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_WITHOUT_MARK = {(False, True): "utf-16-le", (True, False): "utf-16-be"}  # by which of the first two bytes is 0
_PIECE_BYTES = 1 << 20
_AS_NUMBER = re.compile(rb"[:,[]\s*-?(?:NaN|Infinity)\s*[],}]")
_LONGEST_AS_NUMBER = 1 << 12  # bytes, with the spaces around it
_WORD_AT_END = re.compile(rb"[-\w]*\Z")
_TEXT_OR_WORD = re.compile(rb'"(?:[^"\\]|\\.)*+("?)|-?\b(?:NaN|Infinity)\b', re.DOTALL)


def text_of(path: Path) -> str:
    """The text of a file in UTF-8 or UTF-16, without a byte order mark.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it has another encoding.
    """
    content = path.read_bytes()
    return content.decode(_encoding(content[:4]))


def json_of(path: Path) -> Any:
    """What a small JSON file holds; NaN and infinities are None.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no JSON, or has another encoding.
        RecursionError: it is nested too deep.
    """
    return json.loads(text_of(path), parse_constant=lambda word: None)


def opened_json(path: Path) -> Any:
    """A JSON file as UTF-8 without a byte order mark, in which NaN and infinities are null: a file to read bytes from.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it has another encoding, which may also show only when it is read.
    """
    has_words = look_through(path).may_have_no_numbers
    whole = _as_utf8(path)
    return _WithNulls(whole) if has_words else whole


@dataclass(frozen=True)
class Look:
    """What one look through a JSON file shows, before anything is parsed.

    Attributes:
        depth: the largest number of lists and objects that are open at once.
        may_have_no_numbers: whether NaN or an infinity seems to be a number somewhere. In a text it may only seem to
            be one. Run lengths as text hold each word by chance, and then hardly ever look so.
    """

    depth: int
    may_have_no_numbers: bool


def look_through(path: Path) -> Look:
    """Look through a JSON file piece by piece; once, as long as the file does not change, since files are read in
    several passes.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it has another encoding.
    """
    status = path.stat()
    return _look(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _look(path: Path, n_bytes: int, changed_ns: int) -> Look:
    depth, end, has_words = JsonDepth(), b"", False
    with _as_utf8(path) as file:
        while piece := file.read(_PIECE_BYTES):
            depth.add(piece)
            if not has_words:
                # letters are looked for first: a regular expression takes ten times as long
                around = end + piece
                has_words = (b"NaN" in around or b"Infinity" in around) and _AS_NUMBER.search(around) is not None
                end = around[-_LONGEST_AS_NUMBER:]
    return Look(depth.deepest, has_words)


def _as_utf8(path: Path) -> Any:
    """A file as UTF-8 without a byte order mark."""
    file = path.open("rb")
    encoding = _encoding(file.read(4))
    file.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
    return _AsUtf8(file, encoding) if encoding.startswith("utf-16") else file


def _encoding(first: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if first.startswith(mark):
            return encoding
    return _WITHOUT_MARK.get((first[:1] == b"\0", first[1:2] == b"\0"), "utf-8")


class _Changed:
    """What changes a file while it is read. Only what parsers use of a file is here."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _AsUtf8(_Changed):
    """A file of another encoding."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        super().__init__(file)
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def read(self, n_bytes: int = -1) -> bytes:
        """At least one more byte; nothing at the end of the file, or where no byte is asked for."""
        while n_bytes:
            piece = self._file.read(_PIECE_BYTES)
            text = self._decoder.decode(piece, final=not piece)
            if text or not piece:
                return text.encode()
        return b""


class _WithNulls(_Changed):
    """A JSON file in which NaN and infinities outside of texts are null."""

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self._rest = b""  # what may be the beginning of a text or word

    def read(self, n_bytes: int = -1) -> bytes:
        """At least one more byte; nothing at the end of the file, or where no byte is asked for."""
        while n_bytes:
            piece = self._file.read(_PIECE_BYTES)
            whole = self._rest + piece
            complete = _complete(whole) if piece else len(whole)
            self._rest = whole[complete:]
            if complete or not piece:
                return _TEXT_OR_WORD.sub(_null, whole[:complete])
        return b""


def _complete(content: bytes) -> int:
    """Where the end begins that may be cut: an open text, or a word."""
    for match in _TEXT_OR_WORD.finditer(content):
        if match[0].startswith(b'"') and not match[1]:
            return match.start()
    return _WORD_AT_END.search(content).start()  # type: ignore[union-attr]  # an empty one is there always


def _null(match: re.Match[bytes]) -> bytes:
    return match[0] if match[0].startswith(b'"') else b"null"

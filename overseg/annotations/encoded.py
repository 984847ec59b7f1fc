"""Text files in the encodings in which tools on any system write them, and JSON with the numbers that JSON lacks."""

import codecs
import json
import re
from pathlib import Path
from typing import IO, Any

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_WITHOUT_MARK = {(False, True): "utf-16-le", (True, False): "utf-16-be"}  # by which of the first two bytes is 0
_PIECE_BYTES = 1 << 20
_AS_NUMBER = re.compile(rb"[:,[]\0?(?:\s\0?)*-?\0?(?:N\0?a\0?N|I\0?n\0?f\0?i\0?n\0?i\0?t\0?y)\0?(?:\s\0?)*[],}]")
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
        OSError: the file cannot be read. Reading it raises UnicodeDecodeError where it has another encoding.
    """
    file = path.open("rb")
    encoding = _encoding(file.read(4))
    file.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
    whole: Any = _AsUtf8(file, encoding) if encoding.startswith("utf-16") else file
    return _WithNulls(whole) if _may_have_no_numbers(path) else whole


def _encoding(first: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if first.startswith(mark):
            return encoding
    return _WITHOUT_MARK.get((first[:1] == b"\0", first[1:2] == b"\0"), "utf-8")


def _may_have_no_numbers(path: Path) -> bool:
    """Whether one of the words seems to be a number somewhere in the file; read at the speed of the disk.

    In a text it may only seem to be one. Run lengths as text hold each word by chance, and then hardly ever look so.
    """
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            rest += piece
            if _AS_NUMBER.search(rest):
                return True
            rest = rest[-_LONGEST_AS_NUMBER:]
    return False


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

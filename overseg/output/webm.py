"""The size at which a WebM file is shown, which FFmpeg's muxer does not write for codecs that do not hold it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SEGMENT, _SEEK_HEAD, _SEEK = b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\x4d\xbb"
_SEEK_ID, _SEEK_POSITION = b"\x53\xab", b"\x53\xac"
_VOID, _INFO, _TRACKS = b"\xec", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b"
_TRACK, _VIDEO = b"\xae", b"\xe0"
_DISPLAY_WIDTH, _DISPLAY_HEIGHT = b"\x54\xb0", b"\x54\xba"
_HEAD_BYTES = 1 << 16  # all that comes before the pictures


def write_display_size(path: Path, size: tuple[int, int]) -> None:
    """State the size at which a player shows the pictures of a file that FFmpeg wrote.

    What is inserted into the description of the tracks is taken from the empty space before it, so that the pictures
    stay where they are.

    Args:
        path: a complete WebM file with one video track.
        size: (height, width) in square pixels.

    Raises:
        OSError: it cannot be written.
        ValueError: it has another layout than FFmpeg gives it.
    """
    with path.open("r+b") as file:
        head = file.read(_HEAD_BYTES)
        try:
            changed = _with_display_size(head, size)
        except (StopIteration, IndexError, OverflowError) as e:
            raise ValueError(f"{path} has no room for the size at which it is shown") from e
        file.seek(0)
        file.write(changed)


@dataclass(frozen=True)
class _Element:
    """An element of EBML: where it begins, where what it holds begins, and where it ends."""

    id: bytes
    start: int
    body: int
    end: int


def _with_display_size(head: bytes, size: tuple[int, int]) -> bytes:
    segment = _child(head, _Element(b"", 0, 0, len(head)), _SEGMENT)
    void, tracks = _child(head, segment, _VOID), _child(head, segment, _TRACKS)
    track = next(one for one in _children(head, tracks) if one.id == _TRACK and _has_video(head, one))
    video = _child(head, track, _VIDEO)
    height, width = (side.to_bytes(4, "big") for side in size)
    shown = _element(_DISPLAY_WIDTH, width) + _element(_DISPLAY_HEIGHT, height)
    new_video = head[track.body : video.start] + _element(_VIDEO, head[video.body : video.end] + shown)
    new_track = _element(_TRACK, new_video + head[video.end : track.end])
    new_tracks = _element(_TRACKS, head[tracks.body : track.start] + new_track + head[track.end : tracks.end])
    grown = len(new_tracks) - (tracks.end - tracks.start)
    before = _sought(head[: void.start], segment, grown)
    empty = bytes(void.end - void.start - grown - len(_element(_VOID, b"")))
    between = head[void.end : tracks.start]
    changed = before + _element(_VOID, empty) + between + new_tracks + head[tracks.end :]
    if len(changed) != len(head):
        raise IndexError("the empty space is too small")
    return changed


def _sought(head: bytes, segment: _Element, grown: int) -> bytes:
    """The beginning of the file, whose table says that Info and Tracks begin `grown` bytes earlier."""
    changed = bytearray(head)
    for seek in _children(head, _child(head, segment, _SEEK_HEAD)):
        if seek.id == _SEEK:
            id, position = _child(head, seek, _SEEK_ID), _child(head, seek, _SEEK_POSITION)
            if head[id.body : id.end] in (_INFO, _TRACKS):
                place = int.from_bytes(head[position.body : position.end], "big") - grown
                changed[position.body : position.end] = place.to_bytes(position.end - position.body, "big")
    return bytes(changed)


def _has_video(head: bytes, track: _Element) -> bool:
    return any(one.id == _VIDEO for one in _children(head, track))


def _child(head: bytes, parent: _Element, id: bytes) -> _Element:
    return next(one for one in _children(head, parent) if one.id == id)


def _children(head: bytes, parent: _Element) -> Iterator[_Element]:
    at = parent.body
    while at < min(parent.end, len(head)):
        size_at = at + _length(head[at])
        body = size_at + _length(head[size_at])
        n_bits = 7 * (body - size_at)
        end = body + (int.from_bytes(head[size_at:body], "big") & ((1 << n_bits) - 1))
        yield _Element(head[at:size_at], at, body, end)
        at = end


def _length(first: int) -> int:
    """How many bytes a number or an id takes, by its first one."""
    return 9 - first.bit_length()


def _element(id: bytes, body: bytes) -> bytes:
    return id + b"\x01" + len(body).to_bytes(7, "big") + body

"""The video stream of a file and its packets, read without decoding."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int64

from overseg.errors import InputError
from overseg.video.nal import is_well_formed, unit_length_bytes

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

MAX_PICTURE_PX = 2**27
# With one thread per frame, an error also damages other frames, and its concealment varies from run to run.
DECODING_THREADS = "SLICE"
_MAX_READ_ERRORS = 64  # in a row; after more than that, the rest of the file counts as lost
_LEADING_BYTES = 16
_DURATION = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d+)?)", re.ASCII)  # as Matroska muxers write it


@dataclass(frozen=True)
class Packets:
    """The compressed frames of a video stream in file order, without discarded ones.

    Attributes:
        pts: presentation time in ticks of the stream's time base; meaningless if `has_pts` is false.
        has_pts: whether the file gives the presentation time.
        is_keyframe: whether decoding can start here.
        in_order: whether decoding times never decrease; they do where recordings were joined.
        is_damaged: whether there are signs that packets are cut short, overwritten or missing.
        n_promised: number of packets by the container's header; at least the number found.
    """

    pts: Int64[np.ndarray, " n"]
    has_pts: Bool[np.ndarray, " n"]
    is_keyframe: Bool[np.ndarray, " n"]
    in_order: bool
    is_damaged: bool
    n_promised: int


def open_container(path: Path) -> "InputContainer":
    """Open a video file; the caller closes it.

    Raises:
        InputError: the file is missing, unreadable, or unknown to FFmpeg.
    """
    import av

    try:
        return av.open(f"file:{path.absolute()}", metadata_errors="replace")
    except (FileNotFoundError, PermissionError, IsADirectoryError) as e:
        raise InputError(f"cannot read the video {path}: {e.strerror}; check the path and its permissions") from e
    except (av.error.FFmpegError, OSError) as e:
        raise InputError(
            f"{path} is not a video that FFmpeg can read ({e.strerror}): it is empty, cut off before its index, "
            "damaged, or of another kind; give a video file or a folder of images"
        ) from e


def video_stream(container: "InputContainer", path: Path) -> "VideoStream":
    """Return the video stream that a player would show; cover pictures do not count.

    Raises:
        InputError: there is no such stream, or its pictures are too large to decode.
    """
    from av.stream import Disposition

    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic and s.codec_context]
    if not streams:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "none"
        raise InputError(f"{path} has no video stream (streams found: {kinds}); give a file that contains video")
    best = container.streams.best("video")
    stream = next((s for s in streams if s is best), streams[0])
    refuse_absurd_size((stream.codec_context.height, stream.codec_context.width), path)
    return stream


def refuse_absurd_size(size: tuple[int, int], path: Path) -> None:
    """Raise InputError for pictures larger than any camera's, before memory is allocated for them."""
    if size[0] * size[1] > MAX_PICTURE_PX:
        raise InputError(
            f"{path} declares pictures of {size[1]} x {size[0]} px; at most {MAX_PICTURE_PX} pixels can be decoded: "
            "the file is damaged, or must be made smaller first"
        )


def refuse_swelling(size: tuple[int, int], n_bytes: int, path: Path) -> None:
    """Raise InputError for a PNG too small for the picture it declares, before memory is allocated for that picture.

    Deflate expands one byte to at most 1032 bytes (its longest copy, 258 bytes, takes 2 bits), and one byte holds at
    most 8 pixels.
    """
    if size[0] * size[1] > 8 * 1032 * n_bytes:
        raise InputError(
            f"{path} declares {size[1]} x {size[0]} px, but its {n_bytes} bytes are too few for that; replace it"
        )


def read_packets(container: "InputContainer", stream: "VideoStream") -> Packets:
    """Read all packets of the stream once, without decoding."""
    read_errors: list[Exception] = []
    length_bytes = unit_length_bytes(stream)
    rows: list[tuple[int | None, int | None, bool, bool, int]] = []
    for packet in demux(container, stream, read_errors):
        if packet.size and not packet.is_discard:
            is_bad = packet.is_corrupt or _starts_with_zeros(packet) or not is_well_formed(packet, length_bytes)
            rows.append((packet.pts, packet.dts, packet.is_keyframe, is_bad, packet.duration or 0))
    dts = np.array([dts for _, dts, *_ in rows if dts is not None], np.int64)
    n_promised = max(len(rows), _n_promised(container, stream, rows))
    return Packets(
        pts=np.array([-1 if pts is None else pts for pts, *_ in rows], np.int64),
        has_pts=np.array([pts is not None for pts, *_ in rows], bool),
        is_keyframe=np.array([is_keyframe for _, _, is_keyframe, *_ in rows], bool),
        in_order=bool(np.all(np.diff(dts) >= 0)),
        is_damaged=bool(read_errors) or any(is_bad for *_, is_bad, _ in rows) or n_promised > len(rows),
        n_promised=n_promised,
    )


def demux(
    container: "InputContainer", stream: "VideoStream", errors: list[Exception] | None = None
) -> Iterator["Packet[VideoStream]"]:
    """Yield the packets from the current position on, with the empty one at the end that flushes the decoder.

    Parts that cannot be read are skipped; their exceptions are appended to `errors`.
    """
    import av

    n_errors_in_a_row = 0
    while n_errors_in_a_row < _MAX_READ_ERRORS:
        try:
            for packet in container.demux(stream):
                n_errors_in_a_row = 0
                yield packet
            return
        except av.error.FFmpegError as e:
            n_errors_in_a_row += 1
            if errors is not None:
                errors.append(e)


def _starts_with_zeros(packet: "Packet[VideoStream]") -> bool:
    """True for a part of the file that was never written. No compressed frame starts with zeros."""
    return not any(memoryview(packet)[:_LEADING_BYTES])


def _n_promised(container: "InputContainer", stream: "VideoStream", rows: list) -> int:
    """Number of frames by the container's header; 0 if the header does not contain it."""
    if "mp4" in container.format.name:  # the sample count includes samples that an edit list leaves out
        return sum(not entry.is_discard for entry in stream.index_entries)
    if "matroska" in container.format.name:
        return _n_promised_by_duration(stream, rows)
    return stream.frames


def _n_promised_by_duration(stream: "VideoStream", rows: list) -> int:
    """The number of frames found, plus as many at their mean distance as fit into Matroska's tag DURATION."""
    ends = [pts + duration for pts, _, _, _, duration in rows if pts is not None]
    if len(ends) < 2 or "DURATION" not in stream.metadata or stream.time_base is None:
        return 0
    tag = _DURATION.fullmatch(stream.metadata["DURATION"])
    if tag is None:  # damaged
        return 0
    promised_s = 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3])
    found_s = float(max(ends) * stream.time_base)
    mean_s = float((max(ends) - min(ends)) * stream.time_base) / (len(ends) - 1)
    # A difference of one frame is not damage: some writers leave out the duration of the last frame.
    return len(rows) + round((promised_s - found_s) / mean_s) if promised_s - found_s > 1.5 * mean_s else 0

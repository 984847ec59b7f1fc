"""Checks without decoding whether a compressed frame of H.264, H.265 or H.266 is well formed."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

_LENGTH_SIZE_AT = {
    "h264": 4,
    "hevc": 21,
}  # the byte of avcC and hvcC (ISO/IEC 14496-15) with the size of length fields


def unit_length_bytes(stream: "VideoStream") -> int:
    """Size in bytes of the length field before each unit of the stream's packets; 0 if there is none."""
    header = stream.codec_context.extradata or b""
    at = _LENGTH_SIZE_AT.get(stream.codec_context.codec.canonical_name, len(header))
    is_length_prefixed = at < len(header) and header[0] == 1  # otherwise the stream has start codes
    return (header[at] & 3) + 1 if is_length_prefixed else 0


def is_well_formed(packet: "Packet", length_bytes: int) -> bool:
    """Whether the lengths of a packet's units add up to its size; True if it has no length fields."""
    if length_bytes == 0:
        return True
    content, at = memoryview(packet), 0
    while at + length_bytes <= len(content):
        at += length_bytes + int.from_bytes(content[at : at + length_bytes], "big")
    return at == len(content)

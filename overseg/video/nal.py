"""Whether a compressed frame of H.264, H.265 or H.266 still has its form; found without decoding."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

_LENGTH_SIZE_AT = {"h264": 4, "hevc": 21}  # byte of avcC and hvcC (ISO/IEC 14496-15) that holds the length of lengths


def unit_length_bytes(stream: "VideoStream") -> int:
    """In how many bytes the stream's packets give the length of each of their units; 0 where they do not."""
    header = stream.codec_context.extradata or b""
    at = _LENGTH_SIZE_AT.get(stream.codec_context.codec.canonical_name, len(header))
    is_length_prefixed = at < len(header) and header[0] == 1  # else the stream has start codes
    return (header[at] & 3) + 1 if is_length_prefixed else 0


def is_well_formed(packet: "Packet", length_bytes: int) -> bool:
    """Whether the lengths of a packet's units add up to its size; True where it gives none."""
    if length_bytes == 0:
        return True
    content, at = memoryview(packet), 0
    while at + length_bytes <= len(content):
        at += length_bytes + int.from_bytes(content[at : at + length_bytes], "big")
    return at == len(content)

"""Label Studio's run lengths of a brush: a stream of bits over the four channels of each pixel.

Format: @thi.ng/rle-pack, which Label Studio uses. 32 bits number of values, 5 bits width of a value less 1, four times
4 bits width of a length less 1; then alternately one bit (1: one value repeated, 0: values one by one), two bits that
choose one of the four widths, a length less 1 of that width, and the value or values.
"""

import numpy as np
from jaxtyping import Bool, Int, UInt8

from overseg.annotations.row_runs import row_runs

_WIDTHS = np.array([3, 4, 8, 16])
_VALUE_BITS = 8
_CHANNELS = 4
_HEAD_BITS = 32 + 5 + 4 * 4


def encode_brush(mask: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, " b"]:
    """The bytes of a mask: 255 in all four channels where it is, 0 elsewhere."""
    runs = row_runs(mask) * _CHANNELS
    values = np.where(np.arange(len(runs)) % 2 == 1, 255, 0)
    longest = 1 << _WIDTHS[-1]
    n_pieces = -(-runs // longest)
    pieces = np.full(n_pieces.sum(), longest)
    last = np.cumsum(n_pieces)[runs > 0] - 1
    pieces[last] = ((runs - 1) % longest + 1)[runs > 0]
    choice = np.searchsorted(1 << _WIDTHS, pieces)
    width = _WIDTHS[choice]
    codes = ((4 | choice) << width | pieces - 1) << _VALUE_BITS | np.repeat(values, n_pieces)
    head = [(mask.size * _CHANNELS, 32), (_VALUE_BITS - 1, 5), *((int(width) - 1, 4) for width in _WIDTHS)]
    numbers, n_bits = (np.array(column, np.int64) for column in zip(*head, strict=True))
    return _packed(np.concatenate([numbers, codes]), np.concatenate([n_bits, 3 + width + _VALUE_BITS]))


def _packed(numbers: Int[np.ndarray, " n"], n_bits: Int[np.ndarray, " n"]) -> UInt8[np.ndarray, " b"]:
    """Numbers one after the other, each in its number of bits, the highest first; zeros fill the last byte."""
    ends = np.cumsum(n_bits)
    place = np.repeat(ends, n_bits) - 1 - np.arange(ends[-1])
    return np.packbits((np.repeat(numbers, n_bits) >> place & 1).astype(np.uint8))


def decode_brush(content: UInt8[np.ndarray, " b"], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """The mask in these bytes: where the fourth channel, alpha, is not 0; ValueError where they are no mask."""
    bits = np.unpackbits(content)
    text = bits.tobytes().translate(_AS_TEXT).decode("ascii")
    n_values, value_bits = int(text[:32] or "0", 2), int(text[32:37] or "0", 2) + 1
    if len(text) < _HEAD_BITS or n_values != size[0] * size[1] * _CHANNELS or value_bits != _VALUE_BITS:
        raise ValueError(f"{n_values} values of {value_bits} bits, for {size[0] * size[1]} pixels of 4 x 8 bits")
    widths = [int(text[at : at + 4], 2) + 1 for at in range(37, _HEAD_BITS, 4)]
    values = np.zeros(n_values, np.uint8)
    at, done = _HEAD_BITS, 0
    while done < n_values:
        width = widths[int(text[at + 1 : at + 3] or "0", 2)]
        stop = done + 1 + int(text[at + 3 : at + 3 + width] or "0", 2)
        start = at + 3 + width
        at = start + _VALUE_BITS * (1 if text[at : at + 1] == "1" else stop - done)
        if stop > n_values or at > len(text):
            raise ValueError("runs that are too short or too long")
        values[done:stop] = np.packbits(bits[start:at])
        done = stop
    return values.reshape(*size, _CHANNELS)[..., 3] != 0


_AS_TEXT = bytes([ord("0"), ord("1"), *range(2, 256)])

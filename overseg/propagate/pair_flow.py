"""Optical flow between neighbouring frames, in both directions, kept for the pass that comes back."""

from collections import OrderedDict
from hashlib import blake2b

import numpy as np
from jaxtyping import Float16, Float32, UInt8

from overseg.video.flow_check import DenseFlow

_KEPT_BYTES = 64 << 20  # 80 pairs of frames of 854x480 px
_HALF_INFINITE = 65520.0  # what float16 rounds to infinity, and anything larger
_HALF_BITS = 10  # of a fraction in float16
_FLOAT_BITS = 23  # of a fraction in float32
_FLOAT_EXPONENT = 0xFF << _FLOAT_BITS
_SINGLES = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)  # by the bits of a float16
Flow = Float32[np.ndarray, "a b 2"]


class PairFlow:
    """DIS optical flow (Kroeger et al., ECCV 2016) between pairs of frames, both ways.

    The forward-backward check needs both flows of a pair, and so does the pass in the other direction. The flows used
    last are kept as float16. What is returned is always rounded to it: the same, whether it was kept or not.
    """

    def __init__(self, dis: DenseFlow, *, kept_bytes: int = _KEPT_BYTES) -> None:
        """
        Args:
            dis: computes the flow.
            kept_bytes: memory for the flows that are kept.
        """
        self._dis, self._kept_bytes = dis, kept_bytes
        self._kept: OrderedDict[tuple[bytes, bytes], Float16[np.ndarray, "a b 2"]] = OrderedDict()
        self._n_bytes = 0

    def between(self, one: UInt8[np.ndarray, "a b"], other: UInt8[np.ndarray, "a b"]) -> tuple[Flow, Flow]:
        """The flow from `one` to `other` and the flow back, in pixels of these pictures."""
        names = _digest(one), _digest(other)
        return self._flow(names, one, other), self._flow(names[::-1], other, one)

    def _flow(self, key: tuple[bytes, bytes], one: np.ndarray, other: np.ndarray) -> Flow:
        if key not in self._kept:
            flow = _rounded_to_half(self._dis.calc(one, other, None))
            self._kept[key] = flow.astype(np.float16)
            self._n_bytes += self._kept[key].nbytes
        else:
            self._kept.move_to_end(key)
            flow = np.take(_SINGLES, self._kept[key].view(np.uint16))
        while self._n_bytes > self._kept_bytes:
            self._n_bytes -= self._kept.popitem(last=False)[1].nbytes
        return flow


def _rounded_to_half(values: Float32[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Return each value as the nearest one of float16: bit by bit as `astype` rounds to it.

    `astype` takes 25 times as long for values below 6e-5, which flow has in the still parts of drawn pictures. Added
    to 2^13 times its power of two, a number keeps the fraction that float16 has.
    """
    sizes = np.abs(values)
    if not sizes.max(initial=0) < _HALF_INFINITE:  # or is not a number
        return values.astype(np.float16).astype(np.float32)
    powers = sizes.view(np.int32) & _FLOAT_EXPONENT
    powers += (_FLOAT_BITS - _HALF_BITS) << _FLOAT_BITS
    np.maximum(powers, np.float32(0.5).view(np.int32), out=powers)  # smaller values share one power of two
    much = powers.view(np.float32)
    return np.copysign(sizes + much - much, values)


def _digest(picture: UInt8[np.ndarray, "a b"]) -> bytes:
    return blake2b(picture.tobytes(), salt=f"{picture.shape[1]}".encode(), digest_size=16).digest()

"""From the colours of decoded frames to sRGB: HDR is mapped to SDR, and untagged HD is read as BT.709."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8, UInt16

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# Numbers of ITU-T H.273.
_BT709, _UNSPECIFIED, _BT2020_NCL = 1, 2, 9
_PQ, _HLG = 16, 18
_HDR = {_PQ: "PQ", _HLG: "HLG"}
_MIN_HD_WIDTH, _MIN_HD_HEIGHT = 1280, 577  # PAL has 576 lines
_WHITE_NITS, _HLG_PEAK_NITS, _HLG_GAMMA = 203.0, 1000.0, 1.2  # ITU-R BT.2408, and BT.2100 for HLG's display
_LEVELS = 2**16
_CURVE_STEPS = 2**14
# Linear BT.2020 to linear BT.709 (ITU-R BT.2087).
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
_BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)


@dataclass(frozen=True)
class Colours:
    """How the frames of one file become sRGB.

    Attributes:
        hdr: the transfer function, by its number in ITU-T H.273, where frames are HDR; else None.
        is_wide: HDR frames have BT.2020's primaries.
        matrix: FFmpeg's name of the matrix from YUV to RGB, where it is not the one that frames state; else None.
    """

    hdr: int | None = None
    is_wide: bool = False
    matrix: str | None = None

    @classmethod
    def of(cls, frame: "VideoFrame") -> "Colours":
        """Read them off the tags of a frame, and off its size where it has none."""
        is_yuv = not frame.format.is_rgb and frame.format.name != "pal8"
        untagged = is_yuv and frame.colorspace == _UNSPECIFIED
        if frame.color_trc in _HDR:
            is_wide = frame.color_primaries != _BT709
            return cls(hdr=int(frame.color_trc), is_wide=is_wide, matrix="BT2020" if untagged else None)
        is_hd = frame.width >= _MIN_HD_WIDTH or frame.height >= _MIN_HD_HEIGHT
        return cls(matrix="ITU709" if untagged and is_hd and not frame.format.name.startswith("gray") else None)

    @property
    def remark(self) -> str | None:
        """One line on what was assumed or changed; None where frames are SDR with known colours."""
        if self.hdr is not None:
            return f"is HDR ({_HDR[self.hdr]}): mapped to SDR, with white at {_WHITE_NITS:g} nits"
        if self.matrix is not None:
            return "does not state its colours: read as BT.709, as HD usually is"
        return None

    def rgb(self, frame: "VideoFrame", size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
        """The picture in sRGB, of this (height, width)."""
        height, width = size
        format = "rgb24" if self.hdr is None else "rgb48le"
        pixels = frame.to_ndarray(format=format, height=height, width=width, src_colorspace=self.matrix)
        return pixels if self.hdr is None else hdr_to_srgb(pixels, self.hdr, is_wide=self.is_wide)


def hdr_to_srgb(pixels: UInt16[np.ndarray, "h w 3"], hdr: int, *, is_wide: bool = True) -> UInt8[np.ndarray, "h w 3"]:
    """Map an HDR picture to sRGB. Up to white (203 nits, ITU-R BT.2408) colours stay as they are.

    A pixel that is brighter keeps its hue: all its channels are scaled so that the largest is white's. Colours outside
    of sRGB are cut.

    Args:
        pixels: not linear, full range, 16 bits.
        hdr: the transfer function, by its number in ITU-T H.273: 16 for PQ, 18 for HLG.
        is_wide: its primaries are BT.2020's; otherwise BT.709's.
    """
    import cv2

    linear = _linear_of(hdr)[pixels]  # 1 is white
    if hdr == _HLG:  # the display's gamma, by the luminance of the scene
        scene = np.maximum(cv2.transform(linear, _BT2020_LUMA[None]), 1e-6)
        linear *= (_HLG_PEAK_NITS / _WHITE_NITS * scene ** (_HLG_GAMMA - 1))[..., None]
    if is_wide:
        linear = cv2.transform(linear, _TO_BT709)
    np.maximum(linear, 0, out=linear)
    linear /= np.maximum(linear.max(axis=2, keepdims=True), 1)
    return _srgb_curve()[np.rint(np.sqrt(linear) * (_CURVE_STEPS - 1)).astype(np.uint16)]


@cache
def _linear_of(hdr: int) -> Float32[np.ndarray, " levels"]:
    """Linear light by 16-bit level: of PQ on the display, 1 for 203 nits; of HLG in the scene, 1 for its peak."""
    signal = np.arange(_LEVELS) / (_LEVELS - 1)
    if hdr == _PQ:  # SMPTE ST 2084
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        power = signal ** (1 / m2)
        linear = 10_000 / _WHITE_NITS * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    else:  # ARIB STD-B67
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        linear = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return linear.astype(np.float32)


@cache
def _srgb_curve() -> UInt8[np.ndarray, " steps"]:
    """sRGB's level (IEC 61966-2-1) by the square root of linear light, which has enough steps in the dark."""
    linear = (np.arange(_CURVE_STEPS) / (_CURVE_STEPS - 1)) ** 2
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * encoded).astype(np.uint8)

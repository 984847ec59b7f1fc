"""One colour per track, the same in every frame, picture and run."""

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt8

# Steps of the R2 sequence (M. Roberts, 2018: "The unreasonable effectiveness of quasirandom sequences"). Its points
# fill the square of hue and lightness evenly for any number of tracks, and each point lies far from the one before.
_PLASTIC = 1.32471795724474602596
_HUE_STEP, _LIGHTNESS_STEP = 1 / _PLASTIC, 1 / _PLASTIC**2
_DARKEST, _LIGHTEST = 0.60, 0.86
_CHROMA = 0.20  # about the maximum of sRGB at its most colourful hues; a colour gets less where sRGB has less
_GAMUT_STEPS = 12

# Matrices from OKLab to the cube roots of cone responses, and from their cubes to linear sRGB (B. Ottosson, 2020: "A
# perceptual color space for image processing").
_CONES_OF_OKLAB = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]]
)
_LINEAR_OF_CONES = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def track_colours(tracks: Int[np.ndarray, " n"], *, lighter: float = 0.0) -> UInt8[np.ndarray, "n 3"]:
    """Return the sRGB colours of tracks. A colour depends on the track's id alone; neighbouring ids differ most.

    Example:
        >>> track_colours(np.array([0, 1, 2])).tolist()
        [[215, 57, 123], [145, 168, 255], [0, 161, 146]]

    Args:
        tracks: ids of tracks, from 0.
        lighter: what to add to the usual lightness of OKLab, from -1 to 1; for outlines.
    """
    hue = 2 * np.pi * (tracks * _HUE_STEP % 1.0)
    lightness = _DARKEST + (_LIGHTEST - _DARKEST) * (tracks * _LIGHTNESS_STEP % 1.0)
    lightness = np.clip(lightness + lighter, 0.0, 1.0)
    direction = np.stack([np.zeros(len(tracks)), np.cos(hue), np.sin(hue)], axis=1)
    grey = np.stack([lightness, np.zeros(len(tracks)), np.zeros(len(tracks))], axis=1)
    linear = _linear_srgb(grey + _chroma_in_gamut(grey, direction)[:, None] * direction)
    return np.round(255 * _gamma_encoded(np.clip(linear, 0.0, 1.0))).astype(np.uint8)


def _chroma_in_gamut(
    grey: Float64[np.ndarray, "n 3"], direction: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, " n"]:
    """The largest chroma up to `_CHROMA` that sRGB can show at each lightness and hue, found by bisection."""
    low, high = np.zeros(len(grey)), np.full(len(grey), _CHROMA)
    for _ in range(_GAMUT_STEPS):
        middle = (low + high) / 2
        fits = _in_gamut(_linear_srgb(grey + middle[:, None] * direction))
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return low


def _in_gamut(linear: Float64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
    return np.all((linear >= 0.0) & (linear <= 1.0), axis=1)


def _linear_srgb(oklab: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    return (oklab @ _CONES_OF_OKLAB.T) ** 3 @ _LINEAR_OF_CONES.T


def _gamma_encoded(linear: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    """sRGB's transfer function (IEC 61966-2-1)."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)

"""The styles in which masks are drawn: over the picture, or as mattes for a video editor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from overseg.data.masks import TrackMasks
from overseg.errors import SettingsError, did_you_mean
from overseg.output.overlay import draw_masks

_GREEN = (0, 255, 0)  # rare in nature, so that an editor can key it out
_DIM = 0.35  # brightness factor of pixels that are not highlighted


@dataclass(frozen=True)
class Style:
    """A way to draw masks.

    Attributes:
        title: description in a few words.
        draw: takes a picture uint8 [h, w, 3], its masks and an opacity; returns a picture uint8 [h, w, channels].
        channels: 1 is grey, 3 is RGB, 4 is RGB and straight alpha (255 on an object).
        has_opacity: whether `draw` uses the opacity.
    """

    title: str
    draw: Callable[[UInt8[np.ndarray, "h w 3"], TrackMasks, float], UInt8[np.ndarray, "h w c"]]
    channels: int = 3
    has_opacity: bool = False


def _overlay(rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks, opacity: float) -> UInt8[np.ndarray, "h w 3"]:
    return draw_masks(rgb, masks, opacity=opacity)


def _highlighted(rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks, opacity: float) -> UInt8[np.ndarray, "h w 3"]:
    dim = np.round(rgb * _DIM).astype(np.uint8)
    return np.where(_covered(masks)[..., None], draw_masks(rgb, masks, opacity=opacity), dim)


def _binary(rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks, opacity: float) -> UInt8[np.ndarray, "h w 1"]:
    return _matte(masks)


def _greenscreen(rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks, opacity: float) -> UInt8[np.ndarray, "h w 3"]:
    return np.where(_covered(masks)[..., None], rgb, np.array(_GREEN, np.uint8))


def _alpha(rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks, opacity: float) -> UInt8[np.ndarray, "h w 4"]:
    return np.concatenate([rgb, _matte(masks)], axis=2)


def _matte(masks: TrackMasks) -> UInt8[np.ndarray, "h w 1"]:
    return 255 * _covered(masks)[..., None].astype(np.uint8)


def _covered(masks: TrackMasks) -> Bool[np.ndarray, "h w"]:
    return masks.rles.union().to_masks()[0]


STYLES: Mapping[str, Style] = {
    "overlay": Style("a colour per track over the picture, small masks on top", _overlay, has_opacity=True),
    "highlighted": Style("as overlay, with the rest of the picture darker", _highlighted, has_opacity=True),
    "binary": Style("white where there is a mask, black elsewhere", _binary, channels=1),
    "greenscreen": Style("the picture where there is a mask, green elsewhere", _greenscreen),
    "alpha": Style("the picture, transparent where there is no mask", _alpha, channels=4),
}


def style_named(name: str) -> Style:
    """Return the style of this name.

    Raises:
        SettingsError: there is no such style.
    """
    if name not in tuple(STYLES):
        raise SettingsError(f"--style is one of {', '.join(STYLES)}, not {name!r}{did_you_mean(name, STYLES)}")
    return STYLES[name]

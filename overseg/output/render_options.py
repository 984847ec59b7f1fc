"""Options of drawing frames with their masks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from overseg.data.masks import TrackMasks
from overseg.data.track_names import TrackName
from overseg.errors import SettingsError
from overseg.output.names import draw_names
from overseg.output.styles import style_named

_DEFAULT_OPACITY = 0.5
_OPAQUE = 255
_RGB = 3


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """Options of drawing a frame with its masks.

    Attributes:
        style: name of a style; see `STYLES`.
        opacity: share of the fill colour in a covered pixel, in [0, 1], for styles that use it; None for 0.5.
        side_by_side: whether the frame without masks is put to the left; the picture is then twice as wide.
        names: name by track, drawn with a box around each mask; None draws neither.
    """

    style: str = "overlay"
    opacity: float | None = None
    side_by_side: bool = False
    names: Mapping[int, TrackName] | None = None

    def __post_init__(self) -> None:
        """Refuse impossible values; the SettingsError names the option, what it takes and what came."""
        style = style_named(self.style)
        if self.opacity is not None and not 0 <= self.opacity <= 1:  # written this way, NaN is refused
            raise SettingsError(f"--opacity takes a number from 0 to 1, not {self.opacity:g}")
        if self.opacity is not None and not style.has_opacity:
            raise SettingsError(f"--opacity has no effect with --style {self.style}: leave it out")
        if self.names is not None and style.channels != _RGB:
            raise SettingsError(f"--names cannot be drawn with --style {self.style}: choose one that shows the picture")

    @property
    def channels(self) -> int:
        """Number of channels that `draw` returns: the style's 1, 3 or 4, and at least 3 side by side."""
        channels = style_named(self.style).channels
        return max(3, channels) if self.side_by_side else channels

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) in pixels of the drawn picture, of a frame's (height, width)."""
        return size[0], size[1] * (1 + self.side_by_side)

    def draw(self, rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks) -> UInt8[np.ndarray, "h w2 c"]:
        """Return a new picture of the frame with these masks."""
        opacity = _DEFAULT_OPACITY if self.opacity is None else self.opacity
        drawn = style_named(self.style).draw(rgb, masks, opacity)
        if self.names is not None:
            drawn = draw_names(drawn, masks, self.names)
        if not self.side_by_side:
            return drawn
        if drawn.shape[2] == 1:
            drawn = drawn.repeat(3, axis=2)
        opaque = np.pad(rgb, ((0, 0), (0, 0), (0, drawn.shape[2] - 3)), constant_values=_OPAQUE)
        return np.concatenate([opaque, drawn], axis=1)

"""Boxes around masks with the names of their tracks, drawn over a picture."""

import unicodedata
from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from overseg.data.masks import TrackMasks
from overseg.data.track_names import TrackName
from overseg.output.colours import track_colours

_LINES_PER_PX = 360  # pixels of the picture's shorter side for each pixel of line width
_LETTERS_PER_SIDE = 28  # the picture's shorter side in heights of letters
_LEAST_LETTER_PX = 10
_NO_LETTER = "\uffff"  # a code point that no font has
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def draw_names(
    rgb: UInt8[np.ndarray, "h w 3"], masks: TrackMasks, names: Mapping[int, TrackName]
) -> UInt8[np.ndarray, "h w 3"]:
    """Return a copy of a picture with a box around each mask, and the name of its track above the box.

    Args:
        rgb: the picture.
        masks: masks of this picture.
        names: name by track; a track without a name is labelled with its number.
    """
    picture = Image.fromarray(rgb)
    draw = ImageDraw.Draw(picture)
    side_px = min(rgb.shape[:2])
    line_px = max(1, round(side_px / _LINES_PER_PX))
    font = ImageFont.load_default(max(_LEAST_LETTER_PX, side_px // _LETTERS_PER_SIDE))
    boxes = masks.rles.boxes_xywh().astype(int).tolist()
    colours = track_colours(masks.track).tolist()
    for track, colour, (left, top, width, height) in zip(masks.track.tolist(), colours, boxes, strict=True):
        if width and height:
            draw.rectangle((left, top, left + width - 1, top + height - 1), outline=tuple(colour), width=line_px)
            text = drawable(names[track].name, track, font) if track in names else str(track)
            _write(draw, text, (left, top), tuple(colour), font)
    return np.array(picture)


def drawable(name: str, track: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return a name in letters that a font has. Accents are dropped; a letter that is still unknown becomes "?".

    The track's number follows a name that contains such a "?".

    >>> drawable("Müller", 7, ImageFont.load_default(12)), drawable("猫 b", 7, ImageFont.load_default(12))
    ('Muller', '? b 7')
    """
    unknown = bytes(font.getmask(_NO_LETTER))
    plain = [letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter)]
    shown = "".join("?" if bytes(font.getmask(letter)) == unknown else letter for letter in plain)
    return shown if "".join(plain) == shown else f"{shown} {track}"


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    corner_xy: tuple[int, int],
    colour: tuple[int, ...],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Draw a text on a coloured background, with its lower left on the corner, or inside the picture if it must."""
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    pad_px = max(1, round((bottom - top) / 8))
    width_px, height_px = right - left + 2 * pad_px, bottom - top + 2 * pad_px
    x = max(0, min(corner_xy[0], draw.im.size[0] - width_px))
    y = corner_xy[1] - height_px if corner_xy[1] >= height_px else corner_xy[1]
    draw.rectangle((x, y, x + width_px - 1, y + height_px - 1), fill=colour)
    is_light = np.dot(_LUMA, colour) > 140
    draw.text((x + pad_px - left, y + pad_px - top), text, fill=_BLACK if is_light else _WHITE, font=font)

"""A contact sheet: small pictures of the tracks that say most about a result, in one picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from overseg.data.masks import TrackMasks
from overseg.output.names import drawable
from overseg.output.track_crop import track_crop
from overseg.stages import Video
from overseg.store.result import Result

_MARGIN_PX, _GAP_PX, _CROP_PX, _CAPTION_PX = 20, 12, 150, 38
_PAPER, _INK, _QUIET = (250, 250, 248), (32, 34, 38), (112, 116, 124)
_GREY = 168  # of a picture whose video is missing


@dataclass(frozen=True)
class SheetRow:
    """One row of a contact sheet.

    Attributes:
        title: what its tracks have in common.
        tracks: ids of the tracks, in order.
    """

    title: str
    tracks: tuple[int, ...]


def sheet_rows(result: Result, *, per_row: int = 6) -> list[SheetRow]:
    """Return the rows of a contact sheet: the largest, the longest and the least certain tracks.

    A track is in the first row that it fits. There is no row without tracks.

    Args:
        result: holds the tracks.
        per_row: the most tracks of a row.
    """
    tracks, shown, rows = result.tracks, set(), []
    there = np.flatnonzero(tracks.n_frames > 0)
    for title, key in (
        ("Largest", -tracks.mean_area_px),
        ("Longest", -tracks.n_frames),
        ("Least certain", tracks.mean_score),
    ):
        order = there[np.lexsort((-tracks.mean_area_px[there], key[there]))].tolist()
        chosen = [track for track in order if track not in shown][:per_row]
        shown.update(chosen)
        if chosen:
            rows.append(SheetRow(title, tuple(chosen)))
    return rows


def contact_sheet(
    result: Result, video: Video | None, *, rows: Sequence[SheetRow] | None = None, per_row: int = 6
) -> UInt8[np.ndarray, "h w 3"]:
    """Return a picture with a crop of each track of `rows`, its name, and its facts in a line.

    Example:
        >>> with open_input(result) as video:  # doctest: +SKIP
        ...     write_picture("sheet.png", contact_sheet(result, video))

    Args:
        result: holds the masks.
        video: the frames that it was made from; None shows the masks on grey.
        rows: the tracks; None for those of `sheet_rows`.
        per_row: the number of columns.

    Raises:
        InputError: the video is damaged at a frame.
    """
    rows = sheet_rows(result, per_row=per_row) if rows is None else rows
    fonts = ImageFont.load_default(20), ImageFont.load_default(15), ImageFont.load_default(12)
    row_px = 34 + _CROP_PX + _CAPTION_PX + _GAP_PX
    width = 2 * _MARGIN_PX + per_row * (_CROP_PX + _GAP_PX) - _GAP_PX
    sheet = Image.new("RGB", (width, 2 * _MARGIN_PX + 34 + max(1, len(rows)) * row_px), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN_PX, _MARGIN_PX), _headline(result), fill=_INK, font=fonts[0])
    places = {
        track: (_MARGIN_PX + column * (_CROP_PX + _GAP_PX), _MARGIN_PX + 34 + number * row_px + 34)
        for number, row in enumerate(rows)
        for column, track in enumerate(row.tracks[:per_row])
    }
    for number, row in enumerate(rows):
        draw.text((_MARGIN_PX, _MARGIN_PX + 40 + number * row_px), row.title, fill=_QUIET, font=fonts[1])
    if not rows:
        draw.text((_MARGIN_PX, _MARGIN_PX + 40), "There are no tracks.", fill=_QUIET, font=fonts[1])
    for track, frame, masks in _representatives(result, list(places)):
        x, y = places[track]
        rgb = np.full((*result.size, 3), _GREY, np.uint8) if video is None else video[frame].rgb
        sheet.paste(Image.fromarray(track_crop(rgb, masks, side_px=_CROP_PX)), (x, y))
        name = drawable(result.names[track].name, track, fonts[1]) if track in result.names else f"track {track}"
        draw.text((x, y + _CROP_PX + 5), _fitted(name, fonts[1]), fill=_INK, font=fonts[1])
        draw.text((x, y + _CROP_PX + 23), _facts(result, track), fill=_QUIET, font=fonts[2])
    return np.array(sheet)


def _headline(result: Result) -> str:
    name = drawable(result.info.name or "video", 0, ImageFont.load_default(20))
    n_tracks = int((result.tracks.n_frames > 0).sum())
    return f"{name}: {len(result)} frames, {n_tracks} tracks, {100 * result.coverage:.0f} % covered"


def _facts(result: Result, track: int) -> str:
    tracks = result.tracks
    return f"{tracks.n_frames[track]} frames, {tracks.mean_area_px[track]:.0f} px, {tracks.mean_score[track]:.2f}"


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text, cut so that it fits below a crop."""
    while len(text) > 1 and font.getlength(text) > _CROP_PX:
        text = text.removesuffix("...")[:-1] + "..."
    return text


def _representatives(result: Result, tracks: list[int]) -> Iterator[tuple[int, int, TrackMasks]]:
    """(track, frame, its mask there) by frame: the frame in the middle of each track, or the next one with a mask."""
    middle = (result.tracks.first_frame + result.tracks.last_frame) // 2
    found = []
    for track in tracks:
        frame = int(middle[track])
        masks = result.masks_at(frame)
        masks = masks.take(masks.track == track)
        if not len(masks):  # the track has a gap there
            all_masks = result.masks_of(track)
            masks = all_masks.take(np.array([min(np.searchsorted(all_masks.frame, frame), len(all_masks) - 1)]))
        found.append((track, int(masks.frame[0]), masks))
    yield from sorted(found, key=lambda one: one[1])

"""The masks of a result as a user meets them: printed as a table, read one by one, shown over their picture."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields

import numpy as np
from jaxtyping import Bool, Float64, Int, UInt8

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.data.row_number import is_number_in
from overseg.data.tracks import SAM_OUTPUTS
from overseg.errors import InputError

_ROWS_SHOWN = 10
_HEADINGS = ("row", "track", "frame", "area px", "x1", "y1", "x2", "y2", "score", "SAM output")


@dataclass(frozen=True)
class FrameMask:
    """One mask.

    Attributes:
        track: id of the track that it belongs to.
        frame: index of its frame.
        score: predicted IoU of a keyframe mask, support of a propagated one, in [0, 1].
        sam_output: 0 subpart, 1 part, 2 whole; -1 for propagated masks and where unknown.
        area_px: number of its pixels.
        box_xyxy: left, top, right, bottom in pixels; right and bottom are the first column and row outside of it.
        rle: the mask, as a table of one.
    """

    track: int
    frame: int
    score: float
    sam_output: int
    area_px: int
    box_xyxy: tuple[float, float, float, float]
    rle: Rles

    def array(self) -> Bool[np.ndarray, "h w"]:
        """The mask as bool [h, w]."""
        return self.rle.to_masks()[0]


@dataclass(frozen=True, repr=False)
class FrameMasks(TrackMasks):
    """Masks of a result: of one frame, or of one track. `print` shows ten of them as a table.

    Example:
        >>> masks = overseg.open("cup.zarr").masks_at(40)  # doctest: +SKIP
        >>> [one.track for one in masks if one.area_px > 5000]  # doctest: +SKIP
        >>> masks.array(0), masks.boxes_xyxy[0], masks.frame_rgb  # doctest: +SKIP

    Attributes:
        picture: returns the picture of a frame; None where there are no pictures.
    """

    picture: Callable[[int], UInt8[np.ndarray, "h w 3"]] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, masks: TrackMasks, picture: Callable[[int], UInt8[np.ndarray, "h w 3"]] | None = None) -> "FrameMasks":
        """The same masks, which know their picture."""
        return cls(**{f.name: getattr(masks, f.name) for f in fields(TrackMasks)}, picture=picture)

    def take(self, rows: Int[np.ndarray, " k"] | Bool[np.ndarray, " n"]) -> "FrameMasks":
        """The rows at these numbers, in this order, or where a boolean array is true."""
        columns = TrackMasks(**{f.name: getattr(self, f.name) for f in fields(TrackMasks)})
        return FrameMasks.of(columns.take(rows), self.picture)

    def array(self, row: int) -> Bool[np.ndarray, "h w"]:
        """The mask of one row, as bool [h, w]; IndexError if there is no such row."""
        if not is_number_in(row, -len(self), len(self)):
            expected = (
                f"expected a row from 0 to {len(self) - 1}" if len(self) else "there are no masks: expected no row"
            )
            raise IndexError(f"{expected}, got {row!r}")
        return Rles(self.rles.size, (self.rles.counts[row],)).to_masks()[0]

    @property
    def frame_rgb(self) -> UInt8[np.ndarray, "h w 3"]:
        """The picture that the masks lie on.

        Raises:
            InputError: the masks are not of one frame, or the input is missing.
        """
        frames = np.unique(self.frame).tolist()
        if len(frames) != 1:
            raise InputError(f"expected masks of one frame, got {len(frames)} frames: use `frame_rgb` of the result")
        if self.picture is None:
            raise InputError("these masks have no picture: open the store with overseg.open, which finds it")
        return self.picture(frames[0])

    def __iter__(self) -> Iterator[FrameMask]:
        rows = zip(
            self.track.tolist(),
            self.frame.tolist(),
            self.score.tolist(),
            self.sam_output.tolist(),
            self.rles.area_px().tolist(),
            self.rles.boxes_xyxy().tolist(),
            self.rles.counts,
            strict=True,
        )
        for track, frame, score, sam_output, area_px, (x1, y1, x2, y2), counts in rows:
            yield FrameMask(track, frame, score, sam_output, area_px, (x1, y1, x2, y2), Rles(self.rles.size, (counts,)))

    @property
    def boxes_xyxy(self) -> Float64[np.ndarray, "n 4"]:
        """Tight boxes (left, top, right, bottom) in pixels; zeros for an empty mask."""
        return self.rles.boxes_xyxy()

    def __str__(self) -> str:
        shown = self.take(np.arange(min(len(self), _ROWS_SHOWN)))
        lines = [_HEADINGS, *(_cells(row, one) for row, one in enumerate(shown))]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        height, width = self.rles.size
        more = f"; the first {len(shown)} of them:" if len(self) > len(shown) else ""
        return "\n".join([f"{len(self)} masks of {width} x {height} px{more}", *table])

    __repr__ = __str__


def _cells(row: int, one: FrameMask) -> tuple[str, ...]:
    output = SAM_OUTPUTS[one.sam_output] if one.sam_output >= 0 else "-"
    box = (f"{px:.0f}" for px in one.box_xyxy)
    return (str(row), str(one.track), str(one.frame), str(one.area_px), *box, f"{one.score:.2f}", output)

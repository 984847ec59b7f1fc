"""The masks of a result with edits, read a frame or a track at a time."""

from collections import defaultdict
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float32, Float64, Int8, Int32, Int64

from overseg.data.columns import Columns
from overseg.data.masks import Source, TrackMasks, keyframe_of, region_id
from overseg.data.rles import Rles
from overseg.data.visit import Outline
from overseg.edits.plan import Plan
from overseg.edits.steps import Move, Part, Pieces, Step, applied, origins
from overseg.store.columns import NO_TRACK, StoredRows
from overseg.store.mask_table import MaskTable

_EDIT_ROUND = 12  # no round of a run has this number
_PLACE = ("frame", "track")


@dataclass(frozen=True)
class Outlined(Columns):
    """The masks of some tracks without their pixels, ordered by frame.

    Attributes:
        frame: number of the frame of each.
        track: its track.
        area_px: number of pixels.
        score: in [0, 1].
    """

    frame: Int64[np.ndarray, " n"]
    track: Int64[np.ndarray, " n"]
    area_px: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]

    @classmethod
    def empty(cls) -> "Outlined":
        """No masks."""
        none = np.zeros(0, np.int64)
        return cls(none, none, none, np.zeros(0))


class EditedMasks:
    """Reads stored masks, and shows what edits made of them. Masks of tracks without an edit are passed on.

    Attributes:
        n_frames: number of frames.
        n_tracks: number of tracks, those that edits made included.
    """

    def __init__(self, stored: MaskTable, plan: Plan) -> None:
        self._stored, self._plan = stored, plan
        self.n_frames, self.n_tracks = stored.n_frames, plan.n_tracks
        self._size = stored.size
        self._is_touched = np.zeros(max(plan.n_tracks, stored.n_tracks) + 1, bool)  # the last one is NO_TRACK's
        self._is_touched[list(plan.touched)] = True
        cut_in_two = [s for step in plan.steps if isinstance(step, Move) and step.from_frame for s in step.sources]
        self._is_cut = np.zeros_like(self._is_touched)  # tracks of which a region may be in several tracks now
        self._is_cut[list(origins(cut_in_two, plan.steps)[0])] = True

    def check_track(self, track: int) -> None:
        """IndexError if there is no such track."""
        if not 0 <= track < self._plan.n_tracks:
            raise IndexError(f"expected a track from 0 to {self._plan.n_tracks - 1}, got {track}")

    def rows_at(self, frame: int) -> StoredRows:
        """All rows of a frame, ordered by region, including those without a track."""
        rows = self._stored.rows_at(frame)
        touched = self._is_touched[rows.track]
        first = self._stored.row_span(frame)[0]
        numbers = first + np.flatnonzero(touched)
        pieces = self._pieces([frame], numbers, np.full(len(numbers), frame), rows.track[touched], self._plan.steps)
        if not touched.any() and not pieces[frame]:
            return rows
        changed = self._rows(pieces, numbers, rows.take(touched))
        together = StoredRows.concatenate([rows.take(~touched), changed])
        return together.take(np.lexsort((together.track, together.region)))

    def masks_at(self, frame: int) -> TrackMasks:
        """The masks of tracks on a frame, ordered by region; IndexError if there is no such frame."""
        return self.rows_at(frame).in_tracks()

    def outline_at(self, frame: int) -> Outline:
        """All rows of a frame without their masks, ordered by region, including those without a track."""
        rows = self.rows_at(frame)
        return Outline(**{f.name: getattr(rows, f.name) for f in fields(Outline)})

    def masks_of(self, track: int) -> TrackMasks:
        """The masks of a track, ordered by frame; IndexError if there is no such track."""
        self.check_track(track)
        if not self._is_touched[track]:
            return self._stored.masks_of(track)
        if track in self._plan.dropped:
            return self._stored.take(np.zeros(0, np.int64)).in_tracks()
        numbers, pieces = self._pieces_of([track])
        wanted = {frame: {track: parts[track]} for frame, parts in pieces.items() if track in parts}
        needed = {part for parts in wanted.values() for part in parts[track] if isinstance(part, int)}
        numbers = np.array(sorted(needed), np.int64)
        return self._rows(wanted, numbers, self._stored.take(numbers)).in_tracks()

    def place_of(self, track: int) -> tuple[Int32[np.ndarray, " n"], Int8[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
        """The frame, source and score of each mask of a track, ordered by frame."""
        self.check_track(track)
        if not self._is_touched[track]:
            return self._stored.place_of(track)
        numbers, shown = self._shown([] if track in self._plan.dropped else [track])
        columns, place = self._stored.columns(("source", "score"), numbers), _places(numbers)
        found = [_source_and_score(parts, columns, place) for _, _, parts in shown]
        return (
            np.array([frame for frame, _, _ in shown], np.int32),
            np.array([source for source, _ in found], np.int8),
            np.array([score for _, score in found], np.float32),
        )

    def outlined(self, tracks: list[int]) -> Outlined:
        """The masks of some tracks without their pixels, as if none was deleted.

        Pixels are only read where a mask has several parts.
        """
        numbers, shown = self._shown(tracks)
        columns, place = self._stored.columns(("area_px", "source", "score"), numbers), _places(numbers)
        return Outlined(
            np.array([frame for frame, _, _ in shown], np.int64),
            np.array([track for _, track, _ in shown], np.int64),
            self._areas_px([parts for _, _, parts in shown], columns["area_px"], place),
            np.array([_source_and_score(parts, columns, place)[1] for _, _, parts in shown], np.float64),
        )

    def tracks_of(self, frames: Int64[np.ndarray, " n"], tracks: Int32[np.ndarray, " n"]) -> Int32[np.ndarray, " n"]:
        """The track that shows each stored track on a frame; NO_TRACK if none does, or if it is NO_TRACK."""
        shown = tracks.copy()
        for row in np.flatnonzero(self._is_touched[tracks]).tolist():
            pieces = applied(int(frames[row]), {int(tracks[row]): (0,)}, self._plan.steps)
            target = next((track for track, parts in pieces.items() if 0 in parts), NO_TRACK)
            shown[row] = NO_TRACK if target in self._plan.dropped else target
        return shown

    def _shown(self, tracks: list[int]) -> tuple[Int64[np.ndarray, " k"], list[tuple[int, int, tuple[Part, ...]]]]:
        """The numbers of the stored rows that tracks may consist of; and frame, track, and parts of each mask."""
        numbers, pieces = self._pieces_of(tracks)
        wanted = set(tracks)
        by_frame = [(frame, *mask) for frame, here in sorted(pieces.items()) for mask in here.items()]
        return numbers, [mask for mask in by_frame if mask[1] in wanted]

    def _areas_px(
        self, masks: list[tuple[Part, ...]], stored_px: Int32[np.ndarray, " k"], place: dict[int, int]
    ) -> Int64[np.ndarray, " n"]:
        """The areas of masks by their parts. Only of those with several parts, or with one of an edit, pixels are read.

        Args:
            masks: the parts of each.
            stored_px: the areas of stored rows.
            place: where the area of each row is in `stored_px`, by the row's number.
        """
        united = [n for n, parts in enumerate(masks) if len(parts) > 1 or isinstance(parts[0], bytes)]
        rows = sorted({part for n in united for part in masks[n] if isinstance(part, int)})
        counts = dict(zip(rows, self._stored.take(np.array(rows, np.int64)).rles.counts, strict=True))
        unions = [
            Rles(self._size, tuple(part if isinstance(part, bytes) else counts[part] for part in masks[n])).union()
            for n in united
        ]
        at = [0 if isinstance(parts[0], bytes) else place[parts[0]] for parts in masks]
        areas_px = stored_px[at].astype(np.int64) if len(stored_px) else np.zeros(len(masks), np.int64)
        areas_px[united] = Rles.concatenate(self._size, unions).area_px()
        return areas_px

    def _pieces_of(self, tracks: list[int]) -> tuple[Int64[np.ndarray, " k"], dict[int, Pieces]]:
        """The numbers of the stored rows that tracks may consist of, and their pieces by frame."""
        needed, steps = origins(tracks, self._plan.steps)
        numbers = self._stored.rows_of(sorted(track for track in needed if track < self._stored.n_tracks))
        place = self._stored.columns(_PLACE, numbers)
        edited = {frame for step in steps for frame in getattr(step, "masks", ())}
        frames = sorted({*place["frame"].tolist(), *edited})
        return numbers, self._pieces(frames, numbers, place["frame"], place["track"], steps)

    def _pieces(
        self,
        frames: list[int],
        numbers: Int64[np.ndarray, " k"],
        frame_of: np.ndarray,
        track_of: np.ndarray,
        steps: list[Step],
    ) -> dict[int, Pieces]:
        """The pieces of these frames, which stored rows of these numbers, frames and tracks become."""
        stored: defaultdict[int, Pieces] = defaultdict(dict)
        for number, frame, track in zip(numbers.tolist(), frame_of.tolist(), track_of.tolist(), strict=True):
            stored[frame][track] = (number,)
        return {frame: applied(frame, stored[frame], steps) for frame in frames}

    def _rows(self, pieces: dict[int, Pieces], numbers: Int64[np.ndarray, " k"], stored: StoredRows) -> StoredRows:
        """The rows that pieces are; `numbers` are those of `stored`, ascending."""
        place = _places(numbers)
        shown = [
            (frame, track, parts)
            for frame, here in sorted(pieces.items())
            for track, parts in here.items()
            if track not in self._plan.dropped
        ]
        rows = [self._row(frame, track, parts, place, stored) for frame, track, parts in shown]
        return StoredRows.concatenate([stored.take(np.zeros(0, np.int64)), *rows])

    def _row(
        self, frame: int, track: int, parts: tuple[Part, ...], place: dict[int, int], stored: StoredRows
    ) -> StoredRows:
        """The row of one mask."""
        at = np.array([place[part] for part in parts if isinstance(part, int)], np.int64)
        drawn = tuple(part for part in parts if isinstance(part, bytes))
        if len(at) and not drawn:
            best = at[np.argmax(stored.score[at])]
            row = replace(stored.take(np.array([best])), track=np.array([track], np.int32))
            if self._is_cut[stored.track[best]]:  # a region belongs to one track: each half gets regions of its own
                row = replace(row, region=_region_of_half(row.region, track))
            return row if len(at) == 1 else _with_mask(row, stored.rles.take(at).union())
        mask = Rles(self._size, (*stored.rles.take(at).counts, *drawn)).union()
        region = int(stored.region[at[0]]) if len(at) else int(region_id(frame, _EDIT_ROUND, np.array([track]))[0])
        return _edited_row(frame, track, region, mask)


def _places(numbers: Int64[np.ndarray, " k"]) -> dict[int, int]:
    """Where each row is among those of these numbers."""
    return {number: at for at, number in enumerate(numbers.tolist())}


def _source_and_score(
    parts: tuple[Part, ...], columns: dict[str, np.ndarray], place: dict[int, int]
) -> tuple[int, float]:
    """Those of the best part of a mask; a mask with a part of an edit is an edit, and certain."""
    at = [place[part] for part in parts if isinstance(part, int)]
    if len(at) < len(parts):
        return Source.EDIT, 1.0
    best = at[int(np.argmax(columns["score"][at]))] if len(at) > 1 else at[0]
    return int(columns["source"][best]), float(columns["score"][best])


def _region_of_half(region: Int64[np.ndarray, " 1"], track: int) -> Int64[np.ndarray, " 1"]:
    """The region of a part of a track that was cut in two: made on the same keyframe, and of this track alone."""
    return region_id(int(keyframe_of(region)[0]), _EDIT_ROUND, np.array([track]))


def _with_mask(row: StoredRows, mask: Rles) -> StoredRows:
    return replace(row, rles=mask, area_px=mask.area_px().astype(np.int32))


def _edited_row(frame: int, track: int, region: int, mask: Rles) -> StoredRows:
    return StoredRows(
        rles=mask,
        track=np.array([track], np.int32),
        frame=np.array([frame], np.int32),
        region=np.array([region], np.int64),
        source=np.array([Source.EDIT], np.int8),
        score=np.ones(1, np.float32),
        stability_score=np.full(1, np.nan, np.float32),
        sam_output=np.full(1, -1, np.int8),
        sam_outputs=np.zeros(1, np.uint8),
        point_xy=np.full((1, 2), np.nan, np.float32),
        area_px=mask.area_px().astype(np.int32),
    )

"""One store as the page shows it: its facts, pictures and masks."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.masklets import End
from overseg.data.masks import Source, keyframe_of
from overseg.data.tracks import SAM_OUTPUTS
from overseg.edits.journal import JOURNAL
from overseg.edits.reading import done_edits, edited, remarks_of
from overseg.errors import InputError, OversegError
from overseg.output.track_crop import track_crop
from overseg.store.folder import METADATA
from overseg.store.places import folder_at
from overseg.store.result import Result, open_result
from overseg.view.message import masks_message
from overseg.view.pictures import Pictures, as_jpeg
from overseg.view.track_columns import TrackColumns, colours_of, names_of

_MOST_BARS = 200  # tracks in one request
_MOST_MASKS_LISTED = 2000  # of a track's panel


class Shown:
    """A store that the page shows. Reading masks needs no lock.

    Attributes:
        path: of the store.
        pictures: of its frames.
    """

    def __init__(self, path: str | Path, *, video: str | Path | None = None, result: Result | None = None) -> None:
        """
        Args:
            path: the store.
            video: where its input is now; None for where it was.
            result: its result with edits, if it is open already and edited by this process alone.

        Raises:
            OversegError: there is no result, or a given video is another one.
        """
        self.path = path
        self._state = (0, self._read() if result is None else result)
        self._columns = TrackColumns()
        self._files = (METADATA, JOURNAL) if result is None else (METADATA,)  # what others may change
        self._seen = b""
        self.pictures = Pictures(self.result, video)

    @property
    def result(self) -> Result:
        """The result with its edits."""
        return self._state[1]

    @property
    def revision(self) -> int:
        """Counts up with every change of the result."""
        return self._state[0]

    def close(self) -> None:
        """Close the video."""
        self.pictures.close()

    def show(self, result: Result) -> None:
        """Show another state of the result, after an edit."""
        self._state = (self.revision + 1, result)

    def refresh(self) -> bool:
        """Read the store again if a run published another result or another process edited it; say whether it did."""
        signature = self._signature()
        if signature == self._seen:
            return False
        try:
            result = self._read()
        except OversegError:  # it is being written
            return False
        self._seen, before = signature, self.result
        same_edits = [e.number for e in done_edits(result)] == [e.number for e in done_edits(before)]
        if result.version == before.version and same_edits:
            return False
        self.show(result)
        return True

    def _signature(self) -> bytes:
        """Differs where the store's current result does, or edits by others; reads two small files."""
        folder = folder_at(self.path)
        content = [folder.read(name) if folder.has(name) else b"" for name in self._files]
        return hashlib.sha256(b"\n".join(content)).digest()

    def _read(self) -> Result:
        return edited(open_result(self.path))

    def facts(self) -> dict[str, Any]:
        """What the page needs before it shows a frame."""
        result, frames = self.result, self.result.frames
        height, width = result.size
        covered = frames.covered_px / max(1, height * width)
        return {
            "name": result.info.name or Path(str(self.path)).name,
            "store": Path(str(self.path)).name,
            "width": width,
            "height": height,
            "frames": len(result),
            "fps": result.info.fps or 0,
            "shots": (np.flatnonzero(np.diff(frames.shot)) + 1).tolist(),
            "keyframes": np.flatnonzero(frames.is_keyframe).tolist(),
            "coverage": [round(value, 4) for value in covered.tolist()],
            "final": result.final,
            "version": result.version,
            "revision": self.revision,
            "remarks": list(remarks_of(result)),
            "edits": len(done_edits(result)),
            "colours": _colours(result.n_tracks),
        }

    def labels(self, *, are_more: bool) -> dict[str, Any]:
        """The names of tracks, and if there are more tracks now, the colours. They take no time after an edit."""
        revision, result = self._state
        colours = _colours(result.n_tracks) if are_more else None
        return {"revision": revision, "names": names_of(result), "colours": colours}

    def tracks(self) -> dict[str, Any]:
        """The columns of all tracks."""
        revision, result = self._state
        columns = self._columns.of(revision, result)
        return {
            "revision": revision,
            **{name: column.tolist() for name, column in columns.items()},
            "names": names_of(result),
        }

    def track_changes(self, since: int) -> dict[str, Any]:
        """What of `tracks` changed since an earlier revision."""
        revision, result = self._state
        return {"revision": revision, "n": result.n_tracks, **self._columns.changes(since, revision, result)}

    def masks(self, frame: int) -> bytes:
        """The masks of a frame; see `message`."""
        revision, result = self._state
        return masks_message(result.masks_at(frame), self._columns.depth(revision, result))

    def crop(self, track: int, frame: int | None, side_px: int) -> bytes:
        """A small picture of a track as JPEG, on a frame or the nearest one on which it is; in the middle for None."""
        tracks = self.result.tracks
        frame = int(tracks.first_frame[track] + tracks.last_frame[track]) // 2 if frame is None else frame
        masks = self.result.masks_at(frame) if 0 <= frame < len(self.result) else self.result.masks_at(0)
        here = masks.take(masks.track == track)
        if not len(here):
            masks = self.result.masks_of(track)
            if not len(masks):
                raise InputError(f"track {track} has no masks")
            here = masks.take(np.array([int(np.abs(masks.frame - frame).argmin())]))
        return as_jpeg(track_crop(self.pictures.rgb(int(here.frame[0])), here, side_px=side_px))

    def bars(self, tracks: list[int]) -> dict[str, list[list[int]]]:
        """For each track, runs of frames of one source and about one score: [first, last, source, score in tenths]."""
        found = {}
        for track in tracks[:_MOST_BARS]:
            frame, source, score = self.result.place_of(track)
            tenths = np.round(10 * np.nan_to_num(score)).astype(int)
            new = (
                (np.diff(frame, prepend=-9) != 1)
                | (np.diff(source, prepend=-9) != 0)
                | (np.diff(tenths, prepend=-9) != 0)
            )
            starts = np.flatnonzero(new)
            stops = np.append(starts[1:], len(frame)) - 1 if len(frame) else starts
            rows = zip(frame[starts], frame[stops], source[starts], tenths[starts], strict=True)
            found[str(track)] = [[int(value) for value in row] for row in rows]
        return found

    def panel(self, track: int) -> dict[str, Any]:
        """All that is known of a track: what contains it, its parts, and the origin of each mask."""
        result = self.result
        masks, ends = result.masks_of(track), result.terminations(track)
        rows = range(min(len(masks), _MOST_MASKS_LISTED))
        area_px = masks.rles.area_px()
        return {
            "track": track,
            "above": result.tree.ancestors(track).tolist(),
            "parts": result.tree.children(track).tolist(),
            "masks": [
                {
                    "frame": int(masks.frame[row]),
                    "source": Source(int(masks.source[row])).name.lower(),
                    "score": _number(masks.score[row]),
                    "stability": _number(masks.stability_score[row]),
                    "area": int(area_px[row]),
                    "madeOn": int(keyframe_of(masks.region[row : row + 1])[0]),
                    "output": SAM_OUTPUTS[masks.sam_output[row]] if masks.sam_output[row] >= 0 else None,
                    "point": None if np.isnan(masks.point_xy[row, 0]) else masks.point_xy[row].tolist(),
                }
                for row in rows
            ],
            "ends": [
                {
                    "from": int(ends.from_frame[row]),
                    "last": int(ends.last_frame[row]),
                    "direction": Source(int(ends.source[row])).name.lower(),
                    "reason": End(int(ends.end[row])).name.lower(),
                }
                for row in range(min(len(ends), _MOST_MASKS_LISTED))
            ],
            "matches": self._matches(np.unique(masks.region)),
        }

    def _matches(self, regions: np.ndarray) -> list[dict[str, Any]]:
        """The overlaps on keyframes that the track's regions were matched by, each with the keyframes of the two."""
        edges = self.result.edges
        rows = np.flatnonzero(np.isin(edges.region_from, regions) & np.isin(edges.region_to, regions))
        rows = rows[:_MOST_MASKS_LISTED]
        first, second = keyframe_of(edges.region_from[rows]), keyframe_of(edges.region_to[rows])
        return [
            {"frame": int(edges.frame[row]), "iou": _number(edges.iou[row]), "from": one, "with": other}
            for row, one, other in zip(rows.tolist(), first.tolist(), second.tolist(), strict=True)
        ]


def differences(one: Result, other: Result, frame: int, *, least_iou: float = 0.5) -> dict[str, list[int]]:
    """Return the tracks whose mask on a frame has no counterpart in the other result, for each of the two.

    Args:
        one, other: results of the same video.
        frame: number of the frame.
        least_iou: two masks with at least this IoU are counterparts.
    """
    here, there = one.masks_at(frame), other.masks_at(frame)
    iou = here.rles.iou(there.rles)
    lonely, others = (iou.max(axis=axis, initial=0.0) < least_iou for axis in (1, 0))
    return {"one": here.track[lonely].tolist(), "other": there.track[others].tolist()}


def as_json(found: Any) -> bytes:
    """Return JSON without NaN."""
    return json.dumps(found, allow_nan=False, separators=(",", ":")).encode()


@lru_cache(4)
def _colours(n_tracks: int) -> str:
    return colours_of(n_tracks)


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)

"""A result with edits: `Changes` that lie over what was published."""

import hashlib
import json
from dataclasses import fields
from functools import cached_property

import numpy as np
from jaxtyping import Int32, Int64

from overseg.data.track_names import TrackName
from overseg.data.tracks import Frames, Tracks
from overseg.edits.coding import to_json
from overseg.edits.containment import edited_parents
from overseg.edits.edited_masks import EditedMasks, Outlined
from overseg.edits.plan import Plan
from overseg.edits.steps import Put
from overseg.store.mask_table import MaskTable


class Edited:
    """The `Changes` of a journal.

    Attributes:
        plan: the edits, with tracks by number.
        masks: the masks that are shown.
        remarks: what a user should be told: damage, and edits that do not count here. One line each.
    """

    def __init__(
        self, stored: MaskTable, plan: Plan, *, remarks: tuple[str, ...] = (), before: "Edited | None" = None
    ) -> None:
        """
        Args:
            stored: the masks of the result as it was published.
            plan: what the edits mean for it.
            remarks: see above.
            before: the changes with other edits of the same result. What they know of tracks without a difference is
                not computed again.
        """
        self.plan, self.remarks = plan, remarks
        self.masks = EditedMasks(stored, plan)
        self._stored = stored
        self._known = {} if before is None else before._known_beside(plan)
        is_same = before is not None and before._shows_as(plan)
        self._tables: dict[str, Tracks] = before._tables if before is not None and is_same else {}

    @property
    def digest(self) -> str:
        """A checksum of all edits that count."""
        edits = [to_json(entry)["edit"] for entry in self.plan.done]
        return hashlib.sha256(json.dumps(edits, sort_keys=True).encode()).hexdigest()

    def names(self, names: dict[int, TrackName]) -> dict[int, TrackName]:
        """The names of the tracks that have one and exist; see `Changes`."""
        return {track: name for track, name in sorted(self.plan.names.items()) if track not in self.plan.dropped}

    def tracks(self, tracks: Tracks) -> Tracks:
        """The table of tracks; see `Changes`."""
        if "tracks" not in self._tables:
            self._tables["tracks"] = self._edited_tracks(tracks)
        return self._tables["tracks"]

    def _edited_tracks(self, tracks: Tracks) -> Tracks:
        columns = {f.name: _longer(getattr(tracks, f.name), self.plan.n_tracks) for f in fields(Tracks)}
        found, changed = self._outlined, sorted(self.plan.touched)
        columns["first_frame"][changed], columns["last_frame"][changed] = 0, -1
        columns["n_frames"][changed] = 0
        columns["mean_area_px"][changed] = columns["mean_score"][changed] = 0
        ids, first, counts = np.unique(found.track, return_index=True, return_counts=True)
        columns["first_frame"][ids], columns["last_frame"][ids] = found.frame[first], found.frame[first + counts - 1]
        columns["n_frames"][ids] = counts
        if len(ids):
            columns["mean_area_px"][ids] = np.add.reduceat(found.area_px, first) / counts
            columns["mean_score"][ids] = np.add.reduceat(found.score, first) / counts
        is_new = np.arange(self.plan.n_tracks) >= len(tracks)
        columns["sam_output"][is_new] = -1
        spans = columns["first_frame"], columns["last_frame"]
        columns["part_of"] = edited_parents(tracks.part_of, self.plan, *spans, exists=columns["n_frames"] > 0)
        return Tracks(**columns)

    def frames(self, frames: Frames) -> Frames:
        """The table of frames; see `Changes`. Frames on which pixels were added or taken away are read again."""
        before, after = self._stored_outline, self._outlined
        n = len(frames)
        n_masks = frames.n_masks + _counted(after.frame, n) - _counted(before.frame, n)
        mask_px = frames.mask_px + _counted(after.frame, n, after.area_px) - _counted(before.frame, n, before.area_px)
        covered_px = frames.covered_px.copy()
        for frame in self._frames_of_new_pixels():
            covered_px[frame] = self.masks.masks_at(frame).rles.union().area_px()[0]
        others = {f.name: getattr(frames, f.name) for f in fields(Frames)}
        changed = {"n_masks": n_masks, "mask_px": mask_px, "covered_px": covered_px}
        return Frames(**others | {name: column.astype(np.int32) for name, column in changed.items()})

    def tracks_of(self, frames: Int64[np.ndarray, " n"], tracks: Int32[np.ndarray, " n"]) -> Int32[np.ndarray, " n"]:
        """The track that shows a stored track on a frame; see `Changes`."""
        return self.masks.tracks_of(frames, tracks)

    def _shows_as(self, plan: Plan) -> bool:
        """Whether another plan does the same to masks."""
        one, other = ((p.n_tracks, p.steps, p.dropped, p.parents) for p in (self.plan, plan))
        return one == other

    def _known_beside(self, plan: Plan) -> dict[int, Outlined]:
        """The outlines that are the same under another plan."""
        differing = self.plan.moved_beside(plan)
        return {track: known for track, known in self._known.items() if track not in differing}

    def _outline(self, tracks: list[int]) -> Outlined:
        """The masks of tracks without their pixels, as if none was deleted, ordered by (track, frame)."""
        missing = [track for track in tracks if track not in self._known]
        if missing:
            found = self.masks.outlined(missing)
            for track in missing:
                self._known[track] = found.take(found.track == track)
        return Outlined.concatenate([Outlined.empty(), *(self._known[track] for track in tracks)])

    @cached_property
    def _outlined(self) -> Outlined:
        """The masks of all tracks that edits touch, ordered by (track, frame)."""
        return self._outline(sorted(self.plan.touched - self.plan.dropped))

    @cached_property
    def _stored_outline(self) -> Outlined:
        """The stored masks of the same tracks."""
        tracks = [track for track in sorted(self.plan.touched) if track < self._stored.n_tracks]
        found = self._stored.columns(("frame", "track", "area_px", "score"), self._stored.rows_of(tracks))
        frame, track, area_px = (found[name].astype(np.int64) for name in ("frame", "track", "area_px"))
        return Outlined(frame, track, area_px, found["score"].astype(np.float64))

    def _frames_of_new_pixels(self) -> list[int]:
        """The frames on which edits may have added or taken away covered pixels."""
        put = {frame for step in self.plan.steps if isinstance(step, Put) for frame in step.masks}
        return sorted({*put, *self._outline(sorted(self.plan.dropped)).frame.tolist()})


def _longer(column: np.ndarray, n: int) -> np.ndarray:
    """A copy with zeros up to a length of n."""
    return np.concatenate([column, np.zeros(n - len(column), column.dtype)])


def _counted(frames: np.ndarray, n: int, weights: np.ndarray | None = None) -> Int64[np.ndarray, " n"]:
    return np.bincount(frames, weights, minlength=n).astype(np.int64)

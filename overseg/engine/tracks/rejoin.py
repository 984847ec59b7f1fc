"""Tracks of imported objects: one that begins where another ended is the same one."""

from typing import Any, Protocol

import numpy as np
from jaxtyping import Int32, Int64

from overseg.associate.frame_by_frame import strongest_first
from overseg.associate.shown import ShownRows
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.track_names import TrackName
from overseg.data.tracks import Tracks
from overseg.engine.tracks.publish import Summary, Timeline, publish
from overseg.engine.tracks.relink import PublishedResult, ResultStore
from overseg.stages import Report

MAX_GAP_FRAMES = 3  # that an object may have no mask on and still go on as another


class ImportedResult(PublishedResult, Protocol):
    """A result whose objects were known, and kept no overlaps."""

    @property
    def tracks(self) -> Tracks: ...

    @property
    def names(self) -> dict[int, TrackName]: ...

    def masks_at(self, frame: int) -> TrackMasks: ...

    def region_tracks(self) -> tuple[Int64[np.ndarray, " r"], Int32[np.ndarray, " r"]]: ...


def rejoin_tracks(
    store: ResultStore, result: ImportedResult, *, min_iou: float, settings: dict[str, Any], report: Report
) -> None:
    """Join tracks of an imported result that continue each other, and publish them in place of the current ones.

    Masks that the import found to be one object stay one track.

    Args:
        store: open for writing.
        result: its current result.
        min_iou: the last mask of a track and the first one of another agree at least this much, in (0, 1].
        settings: for the summary.
        report: receives the progress.
    """
    joined = continued(result, min_iou=min_iou)
    region, track = result.region_tracks()
    shown = ShownRows(region, joined[track])
    rows = [np.zeros(0, np.int32), *(shown.show(result.outline_at(frame)) for frame in range(len(result)))]
    names = {int(joined[track]): name for track, name in sorted(result.names.items(), reverse=True)}
    publish(
        store,
        store.reassociate(np.concatenate(rows), n_tracks=int(joined.max(initial=-1)) + 1),
        Timeline(result.frames.timestamp_s, store.shots() or [Shot(0, len(result) - 1)]),
        tracks=shown.tracks(),
        keyframes=np.flatnonzero(result.frames.is_keyframe),
        edges=result.edges,
        names=names,
        summarize=lambda frames: Summary(result.summary | {"relinked": settings}, final=True),
        report=report,
    )


def continued(result: ImportedResult, *, min_iou: float) -> Int32[np.ndarray, " t"]:
    """The new track of each track: that of the one that it continues. The strongest pairs count first."""
    tracks = result.tracks
    new = np.arange(len(tracks))
    ended: dict[int, tuple[int, bytes]] = {}  # by track, its last frame and the mask there
    for frame in range(len(result)):
        masks = result.masks_at(frame)
        begins = np.flatnonzero(tracks.first_frame[masks.track] == frame)
        ended = {track: last for track, last in ended.items() if frame - last[0] <= MAX_GAP_FRAMES + 1}
        before = Rles(masks.rles.size, tuple(counts for _, counts in ended.values()))
        rows, columns = strongest_first(before.iou(masks.rles.take(begins)), min_iou)
        earlier = np.array(list(ended), np.int64)[rows]
        new[masks.track[begins[columns]]] = new[earlier]
        for track in earlier.tolist():
            del ended[track]
        for row in np.flatnonzero(tracks.last_frame[masks.track] == frame).tolist():
            ended[int(masks.track[row])] = (frame, masks.rles.counts[row])
    return np.unique(new, return_inverse=True)[1].astype(np.int32)

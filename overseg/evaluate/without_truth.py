"""Quality of tracks without ground truth."""

from dataclasses import dataclass, fields

import numpy as np

from overseg.data.masklets import End
from overseg.data.masks import Source
from overseg.data.tracks import Tracks
from overseg.store.result import Result

_BORDER_PX = 2  # a box that comes this close to the picture's edge touches it


@dataclass(frozen=True)
class TrackQuality:
    """How complete the tracks are; see docs/evaluation.md.

    Attributes:
        coverage: mean share of pixels under at least one mask, in [0, 1].
        depth: mean number of masks over a covered pixel.
        mean_length, median_length: frames with a mask, of a track.
        length_of_a_pixel: the same, over all masks' pixels instead of over all tracks.
        fragmentation: 0 where every pixel's track is seen on every frame of its shot, towards 1 for single frames.
        gaps_per_track: mean number of times that a track is lost and found again.
        births_per_frame, deaths_per_frame: tracks that begin, or end, within a shot and away from the picture's edge.
        linked: of the masks that were propagated forward onto a keyframe, the share whose track has a mask that was
            generated there, in [0, 1]; NaN where none was.
    """

    coverage: float
    depth: float
    mean_length: float
    median_length: float
    length_of_a_pixel: float
    fragmentation: float
    gaps_per_track: float
    births_per_frame: float
    deaths_per_frame: float
    linked: float


def without_truth(result: Result) -> TrackQuality:
    """The quality of a result by itself. A result without tracks has 0 everywhere, but a fragmentation of 1."""
    tracks, frames = _existing(result.tracks), result.frames
    lengths = tracks.n_frames.astype(np.float64)
    volume = tracks.mean_area_px * lengths
    shot_length = np.bincount(frames.shot, minlength=1)[frames.shot[tracks.first_frame]]
    births, deaths, n_gaps = _events(result)
    n_frames, n_tracks = max(len(result), 1), max(len(tracks), 1)
    return TrackQuality(
        coverage=result.coverage,
        depth=result.depth,
        mean_length=float(lengths.mean()) if len(lengths) else 0.0,
        median_length=float(np.median(lengths)) if len(lengths) else 0.0,
        length_of_a_pixel=float(volume @ lengths / volume.sum()) if len(lengths) else 0.0,
        fragmentation=float(1 - volume @ (lengths / shot_length) / volume.sum()) if len(lengths) else 1.0,
        gaps_per_track=n_gaps / n_tracks,
        births_per_frame=births / n_frames,
        deaths_per_frame=deaths / n_frames,
        linked=_linked(result),
    )


def _existing(tracks: Tracks) -> Tracks:
    """The tracks that have masks."""
    return Tracks(**{f.name: getattr(tracks, f.name)[tracks.exists] for f in fields(Tracks)})


def _linked(result: Result) -> float:
    terminations = result.terminations()
    reached = terminations.take((terminations.source == Source.FORWARD) & (terminations.end == End.CLIP))
    reached = reached.take(result.frames.is_keyframe[reached.last_frame])
    linked = np.zeros(len(reached), dtype=bool)
    for frame in np.unique(reached.last_frame).tolist():
        masks = result.masks_at(frame)
        made = masks.track[masks.source == Source.KEYFRAME]
        here = reached.last_frame == frame
        linked[here] = np.isin(reached.track[here], made)
    return float(linked.mean()) if len(linked) else float("nan")


def _events(result: Result) -> tuple[int, int, int]:
    """Births and deaths away from cuts and edges, and gaps."""
    tracks, shot = result.tracks, result.frames.shot
    last_seen = np.full(len(tracks), -1, np.int64)
    births = deaths = gaps = 0
    for frame in range(len(result)):
        masks = result.masks_at(frame)
        left, top, width, height = masks.rles.boxes_xywh().T
        inside = (left > _BORDER_PX) & (top > _BORDER_PX)
        inside &= (left + width < result.size[1] - _BORDER_PX) & (top + height < result.size[0] - _BORDER_PX)
        if frame and shot[frame - 1] == shot[frame]:
            births += int(np.count_nonzero(inside & (tracks.first_frame[masks.track] == frame)))
        if frame + 1 < len(result) and shot[frame + 1] == shot[frame]:
            deaths += int(np.count_nonzero(inside & (tracks.last_frame[masks.track] == frame)))
        gaps += int(np.count_nonzero((last_seen[masks.track] >= 0) & (last_seen[masks.track] < frame - 1)))
        last_seen[masks.track] = frame
    return births, deaths, gaps

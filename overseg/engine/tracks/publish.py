"""Publishing: tracks are decided over the whole video, every frame is surveyed, and the result becomes current.

Every result of `run`, `relink`, `repair` and `track` is published by `publish`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from overseg.associate.containment import Containment
from overseg.associate.frame_counts import FrameCounts
from overseg.data.shot import Shot
from overseg.data.track_names import NO_NAMES, TrackName
from overseg.data.tracks import Frames, Tracks
from overseg.data.visit import Edges
from overseg.engine.tracks.resolve import Resolution, resolve
from overseg.stages import Associator, MasksByFrame, Report, TrackStore


@dataclass(frozen=True)
class Timeline:
    """The frames of a result.

    Attributes:
        timestamps_s: presentation time of every frame, in seconds.
        shots: the shots, which together hold every frame once.
    """

    timestamps_s: Float64[np.ndarray, " f"]
    shots: Sequence[Shot]


@dataclass(frozen=True)
class Summary:
    """The summary of a result.

    Attributes:
        facts: ready for JSON.
        final: whether nothing is left to do.
    """

    facts: dict[str, Any]
    final: bool


def publish(
    store: TrackStore,
    rows: MasksByFrame,
    timeline: Timeline,
    *,
    tracks: Tracks,
    keyframes: Int64[np.ndarray, " k"],
    edges: Edges,
    names: Mapping[int, TrackName] = NO_NAMES,
    summarize: Callable[[Frames], Summary],
    report: Report,
) -> tuple[Tracks, Frames]:
    """Survey every frame, and make the store's draft its current result.

    Args:
        store: has a draft.
        rows: that draft.
        timeline: of the video.
        tracks: the draft's tracks; their `part_of` is not used.
        keyframes: frames on which masks were generated.
        edges: the overlaps between regions.
        names: of the tracks that have one.
        summarize: gives the summary, once the frames are known.
        report: receives the progress.

    Returns:
        The published tables.
    """
    tracks, frames = _survey(rows, timeline, tracks, keyframes, report)
    summary = summarize(frames)
    store.publish(tracks=tracks, frames=frames, edges=edges, summary=summary.facts, final=summary.final, names=names)
    return tracks, frames


def publish_visits(
    store: TrackStore,
    associator: Associator,
    timeline: Timeline,
    *,
    summarize: Callable[[Resolution, Frames], Summary],
    report: Report,
) -> tuple[Tracks, Frames]:
    """Decide the tracks over all committed visits, and publish them; see `publish`."""
    resolution = resolve(store, associator, timeline.shots)
    rows = store.compact(resolution.track_of)
    resolution.track_of.clear()  # the draft holds it now; for a long video it is large
    return publish(
        store,
        rows,
        timeline,
        tracks=resolution.tracks,
        keyframes=resolution.keyframes,
        edges=resolution.edges,
        summarize=lambda frames: summarize(resolution, frames),
        report=report,
    )


def _survey(
    rows: MasksByFrame, timeline: Timeline, tracks: Tracks, keyframes: Int64[np.ndarray, " k"], report: Report
) -> tuple[Tracks, Frames]:
    """Read the masks of every frame once: which track contains which, and how many pixels are covered."""
    n_frames = len(timeline.timestamps_s)
    containment, counts = Containment(tracks), FrameCounts(n_frames)
    is_keyframe = np.zeros(n_frames, dtype=bool)
    is_keyframe[keyframes] = True
    for frame in range(n_frames):
        masks = rows.masks_at(frame)
        counts.add(frame, masks.rles)
        if is_keyframe[frame]:
            containment.add(frame, masks.track, masks.rles)
        report.progress("tracks", frame + 1, n_frames)
    shots = timeline.shots
    shot = np.repeat(np.arange(len(shots), dtype=np.int32), [len(one) for one in shots])
    frames = counts.frames(timestamp_s=timeline.timestamps_s, shot=shot, is_keyframe=is_keyframe)
    return replace(tracks, part_of=containment.part_of()), frames

"""The track of every row of every visit: where a track has several rows on a frame, one is shown."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int32

from overseg.associate.shown import ShownRows
from overseg.data.visit import Outline, VisitKey
from overseg.engine.tracks.frame_rounds import FrameRounds
from overseg.stages import TrackStore

TrackOf = dict[VisitKey, Int32[np.ndarray, " n"]]
"""By visit, the track of each of its rows; -1 for rows that are not shown."""


def row_tracks(store: TrackStore, keys: Sequence[VisitKey], rounds: FrameRounds, shown: ShownRows) -> TrackOf:
    """The track of every row of these visits. Memory holds the outlines of the visits around one frame."""
    track_of: TrackOf = {}
    waiting, active = sorted(keys, key=lambda key: key.start, reverse=True), dict[VisitKey, Outline]()
    for frame, round_ in enumerate(rounds.tolist()):
        active = {key: rows for key, rows in active.items() if key.stop >= frame}
        while waiting and waiting[-1].start <= frame:
            key = waiting.pop()
            active[key] = store.outline(key)[0]
            track_of[key] = np.full(len(active[key].frame), -1, np.int32)
        _show_frame(frame, {key: rows for key, rows in active.items() if key.round == round_}, shown, track_of)
    return track_of


def _show_frame(frame: int, visits: Mapping[VisitKey, Outline], shown: ShownRows, track_of: TrackOf) -> None:
    """Write the tracks of one frame's rows into `track_of`; `visits` are those of the round that it shows."""
    spans = {key: slice(*np.searchsorted(rows.frame, [frame, frame + 1])) for key, rows in visits.items()}
    spans = {key: span for key, span in spans.items() if span.stop > span.start}
    if not spans:
        return
    tracks = shown.show(Outline.concatenate([visits[key].cut(span) for key, span in spans.items()]))
    ends = np.cumsum([span.stop - span.start for span in spans.values()])
    for (key, span), part in zip(spans.items(), np.split(tracks, ends[:-1]), strict=True):
        track_of[key][span] = part

"""From the committed visits to tracks: which visit speaks for a frame, which regions are one, which row is shown."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int8, Int32, Int64

from overseg.associate.shown import ShownRows
from overseg.data.appearances import Appearances
from overseg.data.masks import Masks, Source
from overseg.data.shot import Shot
from overseg.data.spans import Spans
from overseg.data.tracks import Tracks
from overseg.data.visit import Edges, Outline, VisitKey
from overseg.engine.rounds import generates
from overseg.engine.tracks.edges import edges_of
from overseg.engine.tracks.grouping import Sightings, group
from overseg.stages import Associator, TrackStore

NO_ROUND = 127


@dataclass(frozen=True)
class Resolution:
    """Tracks over the visits made so far.

    Attributes:
        track_of: for every visit that is part of the result, the track of each of its rows; -1 for rows not shown.
        tracks: the tracks, ordered by the first keyframe mask in them; part_of is still -1 everywhere.
        n_rejoined: as in Grouping.
        edges: all edges of the result.
        keyframes: frames on which masks were generated, ascending.
        rounds: for every frame the round that speaks for it; NO_ROUND where no visit was made.
    """

    track_of: dict[VisitKey, Int32[np.ndarray, " n"]]
    tracks: Tracks
    n_rejoined: int
    edges: Edges
    keyframes: Int64[np.ndarray, " k"]
    rounds: Int8[np.ndarray, " f"]


def resolve(store: TrackStore, associator: Associator, shots: Sequence[Shot]) -> Resolution:
    """Decide the tracks from everything that the store holds, in whichever order it was found.

    Every frame is spoken for by the finest round that visited it. Where a coarser round takes over, its masks meet
    the finer ones on the finer round's keyframes, so that tracks go on across the seam.
    """
    committed = sorted(store.committed())
    rounds = _speaking_rounds(committed, sum(map(len, shots)))
    keys = [key for key in committed if (rounds[key.start : key.stop + 1] == key.round).any()]
    sightings, keyframes = _look(store, keys, rounds)
    seams = _seams(store, associator, committed, rounds, sightings.spans.region, keyframes)
    sightings = replace(sightings, edges=Edges.concatenate([sightings.edges, *seams]))
    grouping = group(sightings, associator, shots)
    shown = ShownRows(sightings.spans.region, grouping.track)
    track_of = _show(store, keys, rounds, shown)
    return Resolution(track_of, shown.tracks(), grouping.n_rejoined, sightings.edges, keyframes, rounds)


def _speaking_rounds(keys: Sequence[VisitKey], n_frames: int) -> Int8[np.ndarray, " f"]:
    rounds = np.full(n_frames, NO_ROUND, np.int8)
    for key in keys:
        frames = rounds[key.start : key.stop + 1]
        np.minimum(frames, np.int8(key.round), out=frames)
    return rounds


def _look(
    store: TrackStore, keys: Sequence[VisitKey], rounds: Int8[np.ndarray, " f"]
) -> tuple[Sightings, Int64[np.ndarray, " k"]]:
    """What is seen where the rounds speak, with the edges found by visits; and the frames that masks were made on."""
    seen_on, seen = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    spans, all_edges, appearances, keyframes = [Spans.of_rows(seen[0], seen_on[0])], [], [Appearances.empty()], set()
    for key in keys:
        rows, edges = store.outline(key)
        speaks = rounds[rows.frame] == key.round
        at_end = speaks & ((rows.frame == key.start) | (rows.frame == key.stop))
        spans.append(Spans.of_rows(rows.region[speaks], rows.frame[speaks]))
        seen_on.append(rows.frame[at_end])
        seen.append(rows.region[at_end])
        keyframes |= _generated_on(key, rounds)
        all_edges.append(edges)
        appearances.append(store.appearances(key))
    of_regions = Appearances.concatenate(appearances)
    sightings = Sightings(
        spans=Spans.concatenate(spans).joined(),
        seen_on=np.concatenate(seen_on),
        seen=np.concatenate(seen),
        edges=Edges.concatenate(all_edges),
        appearances=of_regions.take(np.argsort(of_regions.region, kind="stable")),
    )
    return sightings, np.array(sorted(keyframes), dtype=np.int64)


def _generated_on(key: VisitKey, rounds: Int8[np.ndarray, " f"]) -> set[int]:
    """The keyframe whose masks a visit generated, if it speaks for it."""
    return {key.stop} if generates(key) and rounds[key.stop] == key.round else set()


def _seams(
    store: TrackStore,
    associator: Associator,
    committed: Sequence[VisitKey],
    rounds: Int8[np.ndarray, " f"],
    regions: Int64[np.ndarray, " r"],
    keyframes: Int64[np.ndarray, " k"],
) -> Iterator[Edges]:
    """Edges between a finer round's keyframe masks and the masks of a coarser round on the same frames."""
    coarse = _coarse_on_finer_keyframes(store, committed, rounds, regions, keyframes)
    for key in committed:
        for keyframe in _generated_on(key, rounds) & coarse.keys():
            masks = store.read(key).masks
            target = masks.take((masks.frame == keyframe) & (masks.source == Source.KEYFRAME))
            propagated = Masks.concatenate(coarse[keyframe])
            yield edges_of(associator.match(propagated.rles, target.rles), propagated, target, keyframe)


def _coarse_on_finer_keyframes(
    store: TrackStore,
    committed: Sequence[VisitKey],
    rounds: Int8[np.ndarray, " f"],
    regions: Int64[np.ndarray, " r"],
    keyframes: Int64[np.ndarray, " k"],
) -> dict[int, list[Masks]]:
    """By keyframe: masks of rounds that do not speak for it, of regions that do appear elsewhere."""
    coarse: defaultdict[int, list[Masks]] = defaultdict(list)
    for key in committed:
        if (rounds[key.start : key.stop + 1] >= key.round).all():
            continue
        rows, _ = store.outline(key)
        hidden = (rounds[rows.frame] < key.round) & np.isin(rows.frame, keyframes)
        hidden &= np.isin(rows.region, regions)
        if hidden.any():
            masks = store.read(key).masks.take(hidden)
            for keyframe in np.unique(masks.frame).tolist():
                coarse[keyframe].append(masks.take(masks.frame == keyframe))
    return coarse


def _show(
    store: TrackStore, keys: Sequence[VisitKey], rounds: Int8[np.ndarray, " f"], shown: ShownRows
) -> dict[VisitKey, Int32[np.ndarray, " n"]]:
    """The track of every row, frame after frame; only the visits around a frame are in memory."""
    track_of: dict[VisitKey, Int32[np.ndarray, " n"]] = {}
    waiting, active = sorted(keys, key=lambda key: key.start, reverse=True), dict[VisitKey, Outline]()
    for frame, round_ in enumerate(rounds.tolist()):
        active = {key: rows for key, rows in active.items() if key.stop >= frame}
        while waiting and waiting[-1].start <= frame:
            key = waiting.pop()
            active[key] = store.outline(key)[0]
            track_of[key] = np.full(len(active[key].frame), -1, np.int32)
        speaking = {key: rows for key, rows in active.items() if key.round == round_}
        _show_frame(frame, speaking, shown, track_of)
    return track_of


def _show_frame(
    frame: int,
    speaking: dict[VisitKey, Outline],
    shown: ShownRows,
    track_of: dict[VisitKey, Int32[np.ndarray, " n"]],
) -> None:
    spans = {key: slice(*np.searchsorted(rows.frame, [frame, frame + 1])) for key, rows in speaking.items()}
    spans = {key: span for key, span in spans.items() if span.stop > span.start}
    if not spans:
        return
    tracks = shown.show(Outline.concatenate([speaking[key].cut(span) for key, span in spans.items()]))
    ends = np.cumsum([span.stop - span.start for span in spans.values()])
    for (key, span), part in zip(spans.items(), np.split(tracks, ends[:-1]), strict=True):
        track_of[key][span] = part

"""Quality of tracks against ground truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overseg.evaluate.annotated import annotated_frames
from overseg.evaluate.best_track import BestTrack, best_track
from overseg.evaluate.best_union import UnionSearch
from overseg.evaluate.identity import fragments, switches
from overseg.evaluate.overlaps import Overlaps, OverlapSums
from overseg.evaluate.truth import Truth
from overseg.evaluate.undersegmentation import UndersegmentationError
from overseg.store.result import Result

RECALL_AT = (0.5, 0.75, 0.9)


@dataclass(frozen=True)
class ObjectQuality:
    """How well one object is followed; see docs/evaluation.md.

    Attributes:
        name: as the annotation calls it.
        n_frames, n_seen: frames on which it is annotated, and those of them on which it is seen.
        best_track, best_track_j: the track with the largest mean IoU, and that.
        best_track_of_jf, best_track_jf: the track with the largest mean of J and F, and that.
        union_j: mean IoU of the best union of tracks.
        n_union: number of these tracks.
        switches: the fewest changes of track along the object.
        fragments: number of tracks needed to follow it.
        n_followed: frames on which some track follows it.
        undersegmentation_error: 0 is best; NaN where it is never seen.
    """

    name: str
    n_frames: int
    n_seen: int
    best_track: int
    best_track_j: float
    best_track_of_jf: int
    best_track_jf: float
    union_j: float
    n_union: int
    switches: int
    fragments: int
    n_followed: int
    undersegmentation_error: float


def with_truth(result: Result, truth: Truth, *, progress: Callable[[int, int], None]) -> list[ObjectQuality]:
    """The quality for every object of `truth`, in its order.

    Args:
        result: of a run.
        truth: objects on frames of that result.
        progress: gets the number of steps that are done, and of all.
    """
    n_objects, n_tracks, n_frames = len(truth.names), len(result.tracks), len(truth.frames)
    sums, leaks = OverlapSums(n_objects, n_tracks), UndersegmentationError(n_objects, n_tracks)
    unions = [UnionSearch() for _ in truth.names]
    n_steps = n_frames + 2 * n_objects
    for done, frame in enumerate(annotated_frames(result, truth)):
        progress(done, n_steps)
        sums.add(frame)
        leaks.add(frame)
        for row, number in enumerate(frame.objects.tolist()):
            unions[number].add(frame, row)
    overlaps, leaked = sums.result(), leaks.result()
    qualities = []
    for number in range(n_objects):
        progress(n_frames + 2 * number, n_steps)
        best = best_track(result, truth, number, overlaps)
        progress(n_frames + 2 * number + 1, n_steps)
        qualities.append(_quality(truth.names[number], number, best, overlaps, unions[number], float(leaked[number])))
    progress(n_steps, n_steps)
    return qualities


def recall(qualities: list[ObjectQuality], iou: float) -> float:
    """Share of the objects that are seen whose best track has at least this mean IoU; 0 without any."""
    found = [one.best_track_j >= iou for one in qualities if one.n_seen]
    return float(np.mean(found)) if found else 0.0


def _quality(
    name: str, number: int, best: BestTrack, overlaps: Overlaps, search: UnionSearch, leaked: float
) -> ObjectQuality:
    union, followed = search.search(), overlaps.followed[number]
    return ObjectQuality(
        name=name,
        n_frames=int(overlaps.n_frames[number]),
        n_seen=int(overlaps.n_seen[number]),
        best_track=best.track,
        best_track_j=best.j,
        best_track_of_jf=best.jf_track,
        best_track_jf=best.jf,
        union_j=union.j,
        n_union=len(union.tracks),
        switches=switches(followed),
        fragments=fragments(followed),
        n_followed=sum(map(bool, followed)),
        undersegmentation_error=leaked,
    )

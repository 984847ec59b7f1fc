"""The places of a result that are most likely wrong, the worst first."""

from dataclasses import dataclass

import numpy as np

from overseg.store.result import Result

_MOST = 500  # places
_WEAK = 0.6  # mean score below which support is weak
_JUMP = 2.0  # factor between the areas of neighbouring frames
_SAME_IOU = 0.85
_HOLE = 0.08  # share of the picture that is covered on the frames around, and not here
_FRAMES_COMPARED = 24  # for tracks that coincide


@dataclass(frozen=True)
class Suspect:
    """A place to look at.

    Attributes:
        kind: "begins", "ends", "rejoined", "weak", "coincide", "jump" or "hole".
        frame: number of the frame.
        tracks: the tracks that it is about; none for a hole.
        score: how likely it is wrong, in [0, 1].
        text: what is suspicious, in a few words.
    """

    kind: str
    frame: int
    tracks: tuple[int, ...]
    score: float
    text: str


def suspects(result: Result) -> list[Suspect]:
    """Return at most 500 places, the worst first. Reads some frames' masks and the tables."""
    tracks = result.tracks
    weight = np.sqrt(tracks.mean_area_px / max(1, result.size[0] * result.size[1])).clip(0, 1)  # larger matters more
    found = [
        *_beginnings_and_ends(result, weight),
        *_weak(result, weight),
        *_holes(result),
        *_coinciding(result, weight),
    ]
    found += _jumps_and_absences(result, weight)
    return sorted(found, key=lambda one: (-one.score, one.frame, one.tracks))[:_MOST]


def _beginnings_and_ends(result: Result, weight: np.ndarray) -> list[Suspect]:
    """Tracks that begin or end away from cuts. Short ones are common, so long ones count more."""
    tracks, shot = result.tracks, result.frames.shot
    n, found = len(result), []
    for track in np.flatnonzero(tracks.exists).tolist():
        first, last, length = int(tracks.first_frame[track]), int(tracks.last_frame[track]), int(tracks.n_frames[track])
        score = float(min(1.0, 0.25 + 0.75 * weight[track]) * min(1.0, length / 12))
        if first > 0 and shot[first - 1] == shot[first]:
            found.append(Suspect("begins", first, (track,), score * 0.8, "begins in the middle of a shot"))
        if last + 1 < n and shot[last + 1] == shot[last]:
            found.append(Suspect("ends", last, (track,), score * 0.85, "ends in the middle of a shot"))
    largest = sorted(found, key=lambda one: -one.score)[: 2 * _MOST]
    return [one for one in largest if not _touches_border(result, one)]


def _touches_border(result: Result, one: Suspect) -> bool:
    masks = result.masks_at(one.frame)
    boxes = masks.take(masks.track == one.tracks[0]).rles.boxes_xywh()
    height, width = result.size
    return any(x <= 2 or y <= 2 or x + w >= width - 2 or y + h >= height - 2 for x, y, w, h in boxes.tolist())


def _weak(result: Result, weight: np.ndarray) -> list[Suspect]:
    tracks = result.tracks
    rows = np.flatnonzero(tracks.exists & (tracks.mean_score < _WEAK))
    return [
        Suspect(
            "weak",
            int(tracks.first_frame[track] + tracks.last_frame[track]) // 2,
            (track,),
            float(min(1.0, 0.4 + weight[track]) * (1 - tracks.mean_score[track])),
            f"weakly supported, mean score {tracks.mean_score[track]:.2f}",
        )
        for track in rows.tolist()
    ]


def _holes(result: Result) -> list[Suspect]:
    """Frames on which much less is covered than on those around."""
    covered = result.frames.covered_px / max(1, result.size[0] * result.size[1])
    found = []
    for frame in range(1, len(covered) - 1):
        missing = float(min(covered[frame - 1], covered[frame + 1]) - covered[frame])
        if missing > _HOLE:
            found.append(Suspect("hole", frame, (), min(1.0, 0.5 + missing), f"{100 * missing:.0f} % less is covered"))
    return found


def _coinciding(result: Result, weight: np.ndarray) -> list[Suspect]:
    """Two tracks with almost the same mask."""
    found: dict[tuple[int, int], Suspect] = {}
    for frame in np.unique(np.linspace(0, len(result) - 1, _FRAMES_COMPARED).round().astype(int)).tolist():
        masks = result.masks_at(frame)
        iou = np.triu(masks.rles.iou(masks.rles), 1)
        for one, other in np.argwhere(iou > _SAME_IOU).tolist():
            pair = (int(masks.track[one]), int(masks.track[other]))
            score = float(iou[one, other]) * min(1.0, 0.5 + float(weight[pair[0]]))
            if pair not in found or found[pair].score < score:
                found[pair] = Suspect("coincide", frame, pair, score, f"two tracks coincide, IoU {iou[one, other]:.2f}")
    return list(found.values())


def _jumps_and_absences(result: Result, weight: np.ndarray) -> list[Suspect]:
    """Tracks whose area jumps, or that were away and came back. The largest ones are looked at."""
    tracks, found = result.tracks, []
    volume = np.where(tracks.exists, tracks.mean_area_px * tracks.n_frames, 0)
    for track in np.argsort(-volume, kind="stable")[:_MOST].tolist():
        if tracks.n_frames[track] < 3:
            continue
        masks = result.masks_of(track)
        area_px, step = masks.rles.area_px().astype(float), np.diff(masks.frame)
        ratio = np.maximum(area_px[1:], area_px[:-1]) / np.maximum(1, np.minimum(area_px[1:], area_px[:-1]))
        for at in np.flatnonzero((ratio > _JUMP) & (step == 1))[:3].tolist():
            score = float(min(1.0, 0.3 + weight[track]) * min(1.0, ratio[at] / 4))
            found.append(
                Suspect("jump", int(masks.frame[at + 1]), (track,), score, f"its area jumps by {ratio[at]:.1f}")
            )
        for at in np.flatnonzero(step > 1)[:3].tolist():
            score = float(min(1.0, 0.3 + weight[track]) * 0.7)
            text = f"comes back after {step[at] - 1} frames"
            found.append(Suspect("rejoined", int(masks.frame[at + 1]), (track,), score, text))
    return found

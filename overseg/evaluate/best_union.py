"""The union of tracks that covers an object best."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64

from overseg.data.rles import Rles
from overseg.evaluate.annotated import AnnotatedFrame

_MAX_TRACKS = 20
_LEAST_GAIN = 1e-9  # in J; below it is the rounding of sums


@dataclass(frozen=True)
class BestUnion:
    """Tracks that make up an object together.

    Attributes:
        tracks: in the order in which they were taken.
        j: mean IoU of their union with the object over the annotated frames, in [0, 1].
    """

    tracks: tuple[int, ...]
    j: float


class UnionSearch:
    """Gathers the masks that may make up an object, frame by frame, then chooses tracks greedily."""

    def __init__(self) -> None:
        self._frames: list[_Frame] = []

    def add(self, frame: AnnotatedFrame, row: int) -> None:
        """Count one frame; `row` is that of the object in `frame.objects`."""
        truth = frame.truth.take([row])
        if truth.area_px()[0]:
            touching = np.flatnonzero(frame.found.iou(truth)[:, 0] > 0)
            tracks, masks = frame.tracks[touching], frame.found.take(touching)
        else:
            tracks, masks = frame.tracks, Rles.empty(truth.size)
        self._frames.append(_Frame(tracks.astype(np.int64), masks, truth))

    def search(self, *, max_tracks: int = _MAX_TRACKS) -> BestUnion:
        """The union of at most `max_tracks` tracks. Each step adds the track that adds most."""
        candidates = np.unique(np.concatenate([np.zeros(0, np.int64), *(f.tracks for f in self._frames if f.is_seen)]))
        chosen: list[int] = []
        while len(chosen) < max_tracks and len(candidates):
            gain = np.zeros(len(candidates))
            for frame in self._frames:
                rows, gains = frame.gains(candidates)
                gain[rows] += gains
            best = int(gain.argmax())
            if gain[best] <= _LEAST_GAIN:
                break
            chosen.append(int(candidates[best]))
            for frame in self._frames:
                frame.take(chosen[-1])
            candidates = np.delete(candidates, best)
        return BestUnion(tuple(chosen), float(np.mean([f.j for f in self._frames])) if self._frames else 0.0)


@dataclass
class _Frame:
    """One frame of the search.

    Attributes:
        tracks: tracks that may be chosen and have a mask here.
        masks: their masks; none where the object is not seen.
        truth: the object's mask.
        j: IoU of what was taken with the object.
    """

    tracks: Int64[np.ndarray, " n"]
    masks: Rles
    truth: Rles
    j: float = field(init=False)

    def __post_init__(self) -> None:
        self.is_seen = bool(self.truth.area_px()[0])
        self.j = 0.0 if self.is_seen else 1.0
        self._area = self.masks.area_px()
        self._union = Rles.empty(self.truth.size).union()

    def gains(self, candidates: Int64[np.ndarray, " c"]) -> tuple[Int64[np.ndarray, " k"], Float64[np.ndarray, " k"]]:
        """Rows of the candidates that would change J here, and by how much."""
        at = np.searchsorted(candidates, self.tracks)
        here = np.flatnonzero(candidates[np.minimum(at, len(candidates) - 1)] == self.tracks)
        if not self.is_seen:
            return at[here], np.full(len(here), -self.j)
        both = self._with_truth()
        masks, area = self.masks.take(here), self._area[here]
        in_union, in_both = (np.round(masks.share_inside(one)[:, 0] * area) for one in (self._union, both))
        hit = self._hit() + in_both - in_union
        return at[here], hit / (both.area_px()[0] + area - in_both) - self.j

    def take(self, track: int) -> None:
        """Add a track to the union."""
        rows = np.flatnonzero(self.tracks == track)
        if len(rows) and self.is_seen:
            self._union = Rles.concatenate(self.truth.size, [self._union, self.masks.take(rows)]).union()
            self.j = self._hit() / int(self._with_truth().area_px()[0])
        elif len(rows):
            self.j = 0.0

    def _with_truth(self) -> Rles:
        return Rles.concatenate(self.truth.size, [self._union, self.truth]).union()

    def _hit(self) -> int:
        """Pixels of the object that the union covers."""
        return int(self._union.area_px()[0] + self.truth.area_px()[0] - self._with_truth().area_px()[0])

"""Finding the tracks of edits again, in the result that they were made for and in later ones."""

from collections.abc import Iterable

import numpy as np

from overseg.edits.edit import Correct, Drop, Edit, Entry, Merge, Name, New, Redo, Restore, Split, TrackRef, Undo
from overseg.store.result import Result

_MOST_REGIONS = 64  # of a track that are noted: enough to recognize it, and an entry stays short
_LEAST_SHARE = 0.5  # of the noted regions must be in one track


class Anchors:
    """Finds the track that each `TrackRef` means in a result, and makes new references.

    A track is the one that it was if the result is the same. In another result of the same run it is the track that
    has most of the noted regions, and at least half of them.
    """

    def __init__(self, result: Result, makers: Iterable[int]) -> None:
        """
        Args:
            result: as it was published, without edits.
            makers: numbers of the entries that make a track, in order; taken back or not. Their tracks follow those
                of the result.
        """
        self._result = result
        self._n_stored = len(result.tracks)
        self._made = {entry: self._n_stored + place for place, entry in enumerate(makers)}
        self._makers = list(self._made)
        self._region_tracks: dict[int, int] | None = None

    @property
    def n_tracks(self) -> int:
        """Number of tracks, those that edits made included."""
        return self._n_stored + len(self._made)

    def made(self, entry: int) -> int:
        """The track that this entry made."""
        return self._made[entry]

    def find(self, ref: TrackRef, version: str) -> int | None:
        """The track that `ref` means; None if it does not exist any more.

        Args:
            ref: the track.
            version: of the result that the edit was made for.
        """
        if ref.made_by >= 0:
            return self._made.get(ref.made_by)
        if version == self._result.version and ref.track < self._n_stored:
            return ref.track
        return self._by_regions(ref.regions)

    def refer(self, track: int) -> TrackRef:
        """How an entry names this track."""
        if track >= self._n_stored:
            return TrackRef(made_by=self._makers[track - self._n_stored])
        masks = self._result.regions_of(track)
        regions = np.unique(masks)
        if len(regions) > _MOST_REGIONS:
            regions = regions[np.linspace(0, len(regions) - 1, _MOST_REGIONS).round().astype(int)]
        return TrackRef(track, -1, tuple(regions.tolist()))

    def _by_regions(self, regions: tuple[int, ...]) -> int | None:
        if self._region_tracks is None:
            known, tracks = self._result.region_tracks()
            self._region_tracks = dict(zip(known.tolist(), tracks.tolist(), strict=True))
        found = [self._region_tracks[region] for region in regions if region in self._region_tracks]
        if not found:
            return None
        tracks, counts = np.unique(found, return_counts=True)
        best = int(np.argmax(counts))
        return int(tracks[best]) if counts[best] >= _LEAST_SHARE * len(regions) else None


def refs_of(edit: Edit) -> tuple[TrackRef, ...]:
    """The tracks that an edit needs to exist."""
    match edit:
        case Merge() | Drop():
            return (edit.track, *edit.others)
        case Name() | Split() | Restore() | Correct():
            return (edit.track,)
        case New() | Undo() | Redo():
            return ()


def active(entries: Iterable[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The edits that count, in order, and those that were taken back and can be made again, the next one last."""
    done: list[Entry] = []
    undone: list[Entry] = []
    for entry in entries:
        match entry.edit:
            case Undo():
                if done:
                    undone.append(done.pop())
            case Redo():
                if undone:
                    done.append(undone.pop())
            case _:
                done.append(entry)
                undone = []
    return done, undone

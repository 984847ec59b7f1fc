"""The Protocol of changes that lie over a stored result when it is read."""

from typing import Protocol

import numpy as np
from jaxtyping import Float32, Int8, Int32, Int64

from overseg.data.masks import TrackMasks
from overseg.data.track_names import TrackName
from overseg.data.tracks import Frames, Tracks
from overseg.data.visit import Outline
from overseg.store.columns import StoredRows


class Masks(Protocol):
    """Masks by frame and by track; see the methods of `Result`, which have the same names."""

    @property
    def n_frames(self) -> int: ...

    @property
    def n_tracks(self) -> int: ...

    def masks_at(self, frame: int) -> TrackMasks: ...

    def rows_at(self, frame: int) -> StoredRows: ...

    def outline_at(self, frame: int) -> Outline: ...

    def masks_of(self, track: int) -> TrackMasks: ...

    def place_of(
        self, track: int
    ) -> tuple[Int32[np.ndarray, " n"], Int8[np.ndarray, " n"], Float32[np.ndarray, " n"]]: ...

    def check_track(self, track: int) -> None:
        """IndexError if there is no such track."""
        ...


class Changes(Protocol):
    """Turns what is stored into what is shown. A track that is no more keeps its number, and has no frames."""

    @property
    def digest(self) -> str:
        """A text that is equal for equal changes."""
        ...

    @property
    def masks(self) -> Masks:
        """The masks that are shown."""
        ...

    def names(self, names: dict[int, TrackName]) -> dict[int, TrackName]:
        """The names that are shown."""
        ...

    def tracks(self, tracks: Tracks) -> Tracks:
        """The table of tracks that is shown."""
        ...

    def frames(self, frames: Frames) -> Frames:
        """The table of frames that is shown."""
        ...

    def tracks_of(self, frames: Int64[np.ndarray, " n"], tracks: Int32[np.ndarray, " n"]) -> Int32[np.ndarray, " n"]:
        """The track that shows a stored track on a frame; -1 if none does, or if it is -1."""
        ...

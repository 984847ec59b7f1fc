"""The choice of tracks and frames for an export, and where the tree of tracks is cut."""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from overseg.data.tracks import SAM_OUTPUTS, Tracks
from overseg.errors import SettingsError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The tracks and frames to export.

    Attributes:
        min_length: tracks with at least this number of masks.
        min_area_px: tracks whose masks have at least this mean area, in pixels.
        min_score: tracks whose masks have at least this mean score, in [0, 1].
        sam_output: tracks that are mostly this output of SAM, "subpart", "part" or "whole"; None for all.
        start, end: frames from start up to, not including, end; None is the last frame's.
        ids: tracks with these numbers; None for all.
        new_only: tracks that begin on these frames, without those that began before.
        wholes: tracks that are part of no other track.
    """

    min_length: int = 1
    min_area_px: float = 0.0
    min_score: float = 0.0
    sam_output: str | None = None
    start: int = 0
    end: int | None = None
    ids: tuple[int, ...] | None = None
    new_only: bool = False
    wholes: bool = False

    def frames(self, n_frames: int) -> range:
        """Numbers of the chosen frames.

        Raises:
            SettingsError: there are none.
        """
        frames = range(n_frames)[self.start : self.end] if self.start >= 0 else range(0)
        if not frames and n_frames:
            raise SettingsError(
                f"--start {self.start} and --end {self.end} leave none of the frames 0 to {n_frames - 1}: choose others"
            )
        return frames

    def tracks(self, tracks: Tracks, frames: range) -> Bool[np.ndarray, " t"]:
        """Whether each track is chosen, of those on these frames.

        Raises:
            SettingsError: there is no such output of SAM, or no such track.
        """
        for id in self.ids or ():
            if not 0 <= id < len(tracks):
                known = f"the tracks are 0 to {len(tracks) - 1}" if len(tracks) else "there are no tracks"
                raise SettingsError(f"--track {id} is not there: {known}")
        if self.sam_output not in (None, *SAM_OUTPUTS):
            hint = did_you_mean(self.sam_output, SAM_OUTPUTS)
            raise SettingsError(f"--sam-output is one of {', '.join(SAM_OUTPUTS)}, not {self.sam_output!r}{hint}")
        wanted = (
            (tracks.n_frames >= self.min_length)
            & (tracks.mean_area_px >= self.min_area_px)
            & (tracks.mean_score >= self.min_score)
            & (tracks.last_frame >= frames.start)
            & (tracks.first_frame < frames.stop)
        )
        if self.wholes:
            wanted &= tracks.part_of < 0
        if self.sam_output is not None:
            wanted &= tracks.sam_output == SAM_OUTPUTS.index(self.sam_output)
        if self.ids is not None:
            wanted &= np.isin(np.arange(len(tracks)), self.ids)
        return wanted & (tracks.first_frame >= frames.start) if self.new_only else wanted


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How masks are laid over each other for a format without overlap; see `Result.flatten`.

    Attributes:
        depth: keep tracks down to this depth of the containment tree, 0 for roots alone; None for all.
        n_tracks: keep this number of tracks; None for as many as the format holds.
    """

    depth: int | None = None
    n_tracks: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Cut":
        """Read a cut as on the command line.

        >>> Cut.parse("depth=1")
        Cut(depth=1, n_tracks=None)

        Raises:
            SettingsError: the text is not of this form.
        """
        if text == "all":
            return cls()
        match = re.fullmatch(r"(depth|level|tracks)=(\d{1,9})", text)
        if match is None:
            raise SettingsError(f"--flatten takes depth=N, tracks=N or all, not {text!r}")
        return cls(n_tracks=int(match[2])) if match[1] == "tracks" else cls(depth=int(match[2]))

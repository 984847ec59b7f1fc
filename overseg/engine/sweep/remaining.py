"""What a budgeted run leaves undone, and how many pixels that is expected to cover."""

from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from overseg.data.masks import Source
from overseg.data.tracks import Frames
from overseg.data.visit import VisitKey
from overseg.engine.rounds import FULL, generates
from overseg.engine.tracks.frame_rounds import NO_ROUND
from overseg.engine.tracks.resolve import Resolution
from overseg.stages import TrackStore


@dataclass(frozen=True)
class Left:
    """Work that a larger budget would still do.

    Attributes:
        n_visits: visits of the full round that were not made.
        n_masks: masks known on the keyframes from which these visits propagate masks, counted once for every visit.
        n_coarser_frames, n_unseen_frames: frames with masks of coarser rounds only, and frames without any visit.
        bare_px: pixels of all frames that are under no mask.
        expected_gain_px: how many of these the visits are expected to cover. A frame that the full round has not
            visited is expected to reach the mean cover of a keyframe.
    """

    n_visits: int
    n_masks: int
    n_coarser_frames: int
    n_unseen_frames: int
    bare_px: int
    expected_gain_px: int

    def in_words(self, n_px: int, *, by_budget: bool) -> str:
        """One line for people.

        Args:
            n_px: number of pixels of all frames.
            by_budget: whether a budget ended the run; otherwise it was interrupted, or is still running.
        """
        how = "again with a larger budget" if by_budget else "the same command again"
        return (
            f"{self.n_visits} visits to clips, with {self.n_masks} known masks to propagate; {self.n_coarser_frames} "
            f"frames have masks of a coarser round only, {self.n_unseen_frames} none; {self.bare_px / n_px:.1%} of "
            f"the pixels are bare, of which {self.expected_gain_px / n_px:.1%} are expected to be covered; run "
            f"{how} to continue"
        )


def left_by(
    visits: Set[VisitKey], store: TrackStore, resolution: Resolution, frames: Frames, picture_px: int
) -> Left | None:
    """What is left if these visits of the full round were not made; None if there are none."""
    if not visits:
        return None
    not_full = resolution.rounds != FULL
    covered_px = frames.covered_px.astype(np.int64)
    of_keyframe = covered_px[frames.is_keyframe].mean() if frames.is_keyframe.any() else 0.0
    return Left(
        n_visits=len(visits),
        n_masks=_known_masks(visits, store),
        n_coarser_frames=int(np.count_nonzero(not_full & (resolution.rounds != NO_ROUND))),
        n_unseen_frames=int(np.count_nonzero(resolution.rounds == NO_ROUND)),
        bare_px=int(picture_px * len(frames) - covered_px.sum()),
        expected_gain_px=int((of_keyframe - covered_px[not_full]).clip(min=0).sum()),
    )


def _known_masks(visits: Set[VisitKey], store: TrackStore) -> int:
    known: dict[int, int] = {}
    for key in store.committed():
        if key.round == FULL and generates(key):
            n_masks = int(np.count_nonzero(store.outline(key)[0].source == Source.KEYFRAME))
            known[key.stop] = max(known.get(key.stop, 0), n_masks)
    from_ = [key.from_frame for key in visits if key.start != key.stop]
    return sum(known.get(frame, 0) for frame in from_)

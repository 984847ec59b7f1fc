"""A result without overlap: a cut through the containment tree, small masks on top, and what is lost."""

import heapq
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int32, Int64

from overseg.data.label_map import NO_MASK, paint, split
from overseg.data.masks import TrackMasks
from overseg.data.track_tree import TrackTree
from overseg.data.tracks import Tracks
from overseg.errors import SettingsError
from overseg.stages import MasksByFrame


@dataclass(frozen=True)
class Loss:
    """The loss by flattening.

    Attributes:
        n_tracks, n_masks: numbers of tracks and masks before.
        mask_px: sum of the masks' areas before, in pixels.
        covered_px: pixels under at least one mask before.
        n_tracks_lost, n_masks_lost: tracks and masks without a pixel left.
        mask_px_lost: pixels that masks lost to other masks or to the background.
        covered_px_lost: pixels that were covered and are not any more.
    """

    n_tracks: int
    n_masks: int
    mask_px: int
    covered_px: int
    n_tracks_lost: int
    n_masks_lost: int
    mask_px_lost: int
    covered_px_lost: int

    def __str__(self) -> str:
        return (
            f"lost {self.n_tracks_lost} of {self.n_tracks} tracks, {self.n_masks_lost} of {self.n_masks} masks, "
            f"{self.mask_px_lost} of {self.mask_px} mask pixels, {self.covered_px_lost} of {self.covered_px} "
            "covered pixels"
        )


class LossCount:
    """Sums up what is lost, frame by frame."""

    def __init__(self, n_tracks: int) -> None:
        self._before, self._after = np.zeros(n_tracks, bool), np.zeros(n_tracks, bool)
        self._sums = np.zeros((3, 2), np.int64)  # masks, pixels of masks, covered pixels; before and after

    def add(self, before: TrackMasks, after: TrackMasks) -> None:
        """Count a frame. The masks in `after` do not overlap."""
        self._before[before.track] = True
        self._after[after.track] = True
        covered_px, left_px = int(before.rles.union().area_px()[0]), int(after.rles.area_px().sum())
        self._sums += [
            [len(before), len(after)],
            [int(before.rles.area_px().sum()), left_px],
            [covered_px, left_px],
        ]

    def loss(self) -> Loss:
        """The sum so far."""
        n_tracks = int(self._before.sum())
        n_masks, mask_px, covered_px = self._sums[:, 0].tolist()
        n_masks_lost, mask_px_lost, covered_px_lost = (self._sums[:, 0] - self._sums[:, 1]).tolist()
        return Loss(
            n_tracks=n_tracks,
            n_masks=n_masks,
            mask_px=mask_px,
            covered_px=covered_px,
            n_tracks_lost=n_tracks - int(self._after.sum()),
            n_masks_lost=n_masks_lost,
            mask_px_lost=mask_px_lost,
            covered_px_lost=covered_px_lost,
        )


class Flattened:
    """Masks of a result painted over each other, so that each pixel of a frame belongs to one track at most.

    Attributes:
        shown: which tracks are painted.
    """

    def __init__(self, masks: MasksByFrame, tracks: Tracks, shown: Bool[np.ndarray, " t"], n_frames: int) -> None:
        """
        Args:
            masks: gives the masks of a frame, such as a `Result`.
            tracks: all tracks. Those with a larger mean area lie below the others. So the order is the same on every
                frame, and a part never lies below its whole.
            shown: which tracks are painted.
            n_frames: number of frames.
        """
        self.shown = shown
        self._masks = masks
        self._n_frames = n_frames
        self._height = np.empty(len(shown), np.int64)
        self._height[np.lexsort((np.arange(len(shown)), -tracks.mean_area_px))] = np.arange(len(shown))

    def __len__(self) -> int:
        """Number of frames."""
        return self._n_frames

    def labels_at(self, frame: int) -> Int32[np.ndarray, "h w"]:
        """The track of each pixel of a frame, -1 for none; IndexError if there is no such frame."""
        masks = self._shown(self._masks.masks_at(frame))
        rows = self._painted(masks)
        return np.where(rows == NO_MASK, np.int32(-1), np.append(masks.track, np.int32(-1))[rows])

    def masks_at(self, frame: int) -> TrackMasks:
        """The visible rest of each mask of a frame, ordered by region; IndexError if there is no such frame."""
        return self.flat(self._masks.masks_at(frame))

    def flat(self, masks: TrackMasks) -> TrackMasks:
        """The visible rest of each of these masks of one frame, of the tracks that are painted."""
        masks = self._shown(masks)
        rles = split(self._painted(masks), len(masks))
        return replace(masks, rles=rles).take(rles.area_px() > 0)

    def loss(self) -> Loss:
        """The loss over all frames; reads every mask."""
        count = LossCount(len(self.shown))
        for frame in range(len(self)):
            masks = self._masks.masks_at(frame)
            count.add(masks, self.flat(masks))
        return count.loss()

    def _shown(self, masks: TrackMasks) -> TrackMasks:
        return masks.take(self.shown[masks.track])

    def _painted(self, masks: TrackMasks) -> Int32[np.ndarray, "h w"]:
        return paint(masks.rles, np.argsort(self._height[masks.track], kind="stable"))


def cut(
    tracks: Tracks,
    tree: TrackTree,
    *,
    depth: int | None = None,
    n_tracks: int | None = None,
    among: Bool[np.ndarray, " t"] | None = None,
) -> Bool[np.ndarray, " t"]:
    """Which tracks a cut through the containment tree keeps; see `Result.flatten`.

    Args:
        tracks, tree: all tracks, and their containment tree.
        depth, n_tracks: where to cut; without both, all tracks are kept.
        among: the tracks to choose from; None for all.

    Raises:
        SettingsError: both are given, or one is out of range.
    """
    among = np.ones(len(tracks), bool) if among is None else among
    if depth is not None and n_tracks is not None:
        raise SettingsError("a cut is by depth or by number of tracks: give one of the two")
    if depth is not None:
        if depth < 0:
            raise SettingsError(f"the depth of a cut is 0 for roots, 1 for their parts, and so on, not {depth}")
        return among & (tree.depth <= depth)
    if n_tracks is None:
        return among
    if n_tracks < 1:
        raise SettingsError(f"the number of tracks of a cut is at least 1, not {n_tracks}")
    shown = np.zeros(len(tracks), bool)
    shown[_largest_from_the_top(tracks, tree, among, n_tracks)] = True
    return shown


def _largest_from_the_top(
    tracks: Tracks, tree: TrackTree, among: Bool[np.ndarray, " t"], n_tracks: int
) -> Int64[np.ndarray, " k"]:
    """The tracks with the most pixels over all frames; a part only after everything that contains it."""
    mask_px = tracks.n_frames * tracks.mean_area_px.astype(np.float64)
    waiting = [(-mask_px[root], int(root)) for root in tree.roots()]
    heapq.heapify(waiting)
    taken: list[int] = []
    while waiting and len(taken) < n_tracks:
        _, track = heapq.heappop(waiting)
        if among[track]:
            taken.append(track)
        for child in tree.children(track).tolist():
            heapq.heappush(waiting, (-mask_px[child], child))
    return np.array(taken, np.int64)

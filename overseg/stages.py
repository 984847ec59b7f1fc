"""The stages of a run, as Protocols. Read this page and one sibling of a stage to write another.

    video -> shots -> keyframes -> masks -> masklets -> tracks -> store

Conventions everywhere: images are uint8 [height, width, 3], red first; masks are bool [height, width]; points are
(x, y) and boxes (x1, y1, x2, y2) in pixels of the processed frame, x to the right, y down; sizes are (height, width).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from overseg.data.appearances import Appearances
from overseg.data.detections import Detections
from overseg.data.frame import Frame
from overseg.data.masklets import Masklets
from overseg.data.masks import KeyframeMasks, RefinedMasks, TrackMasks
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.spans import Spans
from overseg.data.track_names import NO_NAMES, TrackName
from overseg.data.tracks import Frames, Tracks
from overseg.data.video_info import VideoInfo
from overseg.data.visit import Direction, Edges, Outline, Visit, VisitKey


@runtime_checkable
class Video(Protocol):
    """Frames by number. Memory stays bounded whatever the length and the order of access."""

    @property
    def info(self) -> VideoInfo: ...

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        """Presentation time of every frame, in seconds."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Frame:
        """Decode frame `index` (0-based). Forward and backward runs are both cheap."""
        ...


@dataclass(frozen=True)
class Clip:
    """The frames from one keyframe to the next, both included, decoded as they are asked for."""

    video: Video
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start + 1

    def frames(self, direction: Direction) -> Iterator[Frame]:
        """All frames, from the keyframe that masks are propagated from to the one that they are propagated to."""
        forward = range(self.start, self.stop + 1)
        for index in forward if direction is Direction.FORWARD else reversed(forward):
            yield self.video[index]


@runtime_checkable
class MaskGenerator(Protocol):
    """Finds the masks of one keyframe, overlapping and at every granularity."""

    @property
    def keyframe_work(self) -> float:
        """Work that a keyframe is reckoned to take, in passes of SAM's image encoder; the same on every machine."""
        ...

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """Masks of `keyframe`, the most reliable first.

        Args:
            keyframe: the picture.
            propagated: masks that were propagated onto this frame and may lie a little off; may be empty. A
                generator may start from them, and may ignore them.

        Returns:
            The masks, none smaller than the generator's minimum area, without near-duplicates.
        """
        ...


@runtime_checkable
class SparseGenerator(Protocol):
    """A generator that can also find fewer masks in less work, which budgets use."""

    def thinned(self, share: float) -> MaskGenerator:
        """The same with this share, in (0, 1], of the prompts along each side of the picture."""
        ...


@runtime_checkable
class MaskRefiner(Protocol):
    """Looks again at masks that were propagated onto a keyframe whose own masks are made already."""

    @property
    def refine_work(self) -> float:
        """Work that the masks of one keyframe are reckoned to take, in passes of SAM's image encoder."""
        ...

    def refined(self, keyframe: Frame, propagated: Rles) -> RefinedMasks:
        """The propagated masks as they are seen on `keyframe`, of those alone with which what is seen agrees."""
        ...


@runtime_checkable
class MaskPropagator(Protocol):
    """Propagates masks from one end of a clip to the other."""

    def clip_work(self, n_frames: int, n_masks: int) -> float:
        """Work that propagating over `n_frames` frames is reckoned to take, in passes of SAM's image encoder.

        Args:
            n_frames: frames after the prompts' frame.
            n_masks: masks propagated, summed over these frames.
        """
        ...

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        """Propagate `prompts`, masks of the first frame in this direction, to the clip's other end.

        A masklet ends early where its mask gets smaller than the propagator's minimum area, or loses its support, or
        the object is gone. Each says which: `Masklets.end` has a row for every prompt.
        """
        ...


@runtime_checkable
class PromptedPropagator(Protocol):
    """Follows objects that somebody points out."""

    def follow(self, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
        """Propagate objects through a whole shot, frame by frame: first from the earliest prompt on to the shot's last
        frame, then back from there to its first. Each frame comes once, with a row for every object.

        Raises:
            InputError: a prompt that the video, or this propagator, cannot take.
        """
        ...


@runtime_checkable
class PromptMasks(Protocol):
    """Finds the objects that somebody points out on one frame."""

    def masks(self, frame: Frame, prompts: Prompts) -> ObjectMasks:
        """One mask for each object that has a row among `prompts`, all of them on this frame."""
        ...

    def refreshed(self, frame: Frame, propagated: ObjectMasks) -> ObjectMasks:
        """The same objects as they are seen on this frame, onto which they were propagated; where what is seen there is
        something else, what was propagated."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Finds objects of known categories, each with a box around it."""

    categories: tuple[str, ...]

    def detect(self, frame: Frame) -> Detections:
        """What is on a frame, the surest first."""
        ...


@dataclass(frozen=True)
class Matches:
    """Pairs of a propagated mask and another mask of the same frame that may be the same region; a mask may be in
    several.

    Attributes:
        arrived: row number of the propagated mask.
        mask: row number of the other mask.
        iou: their intersection over union.
        explained: row numbers of all propagated masks that agree with some other mask: there is no need to propagate
            them on.
    """

    propagated: Int64[np.ndarray, " k"]
    mask: Int64[np.ndarray, " k"]
    iou: Float64[np.ndarray, " k"]
    explained: Int64[np.ndarray, " e"]


@runtime_checkable
class Associator(Protocol):
    """Decides which masks are the same region of the video."""

    def match(self, propagated: Rles, masks: Rles) -> Matches:
        """Which of the masks propagated onto a keyframe may be the masks that are there."""
        ...

    def one_to_one(self, edges: Edges) -> Bool[np.ndarray, " e"]:
        """Which of the edges of one keyframe are matches: each region is in one at most, the strongest come first."""
        ...

    def link(
        self,
        regions: Int64[np.ndarray, " r"],
        edges: Edges,
        seen_on: Int32[np.ndarray, " s"],
        seen: Int64[np.ndarray, " s"],
    ) -> Int64[np.ndarray, " r"]:
        """Group regions into tracks; the order of `edges` does not change the result.

        Args:
            regions: all regions, ascending, each once.
            edges: who met whom; edges to other regions are left out.
            seen_on, seen: region seen[i] has a mask on keyframe seen_on[i]. Two regions made on one keyframe are
                different regions and never end in one track.

        Returns:
            For every region, the smallest region of its group.
        """
        ...

    def reidentify(
        self, groups: Int64[np.ndarray, " r"], spans: Spans, appearances: Appearances
    ) -> Int64[np.ndarray, " r"]:
        """Join groups that are one region which was out of sight for a while.

        Args:
            groups: what `link` made of the regions of one shot.
            spans: where these regions are seen, in the same order.
            looks: what they look like, ordered by region; those without a look are left out.

        Returns:
            As `link`.
        """
        ...


@dataclass(frozen=True)
class Stages:
    """The stages of one run, ready to work.

    Attributes:
        generator: finds the masks of keyframes.
        preview_generator: finds the few masks of the keyframes of a budgeted run's previews.
        propagator: propagates them.
        associator: decides which are the same region.
        refiner: looks again at masks that were propagated back onto a keyframe; None leaves them as they are.
        sparse_generators: find fewer masks in less work, each fewer than the one before, for budgeted runs.
    """

    generator: MaskGenerator
    preview_generator: MaskGenerator
    propagator: MaskPropagator
    associator: Associator
    refiner: MaskRefiner | None = None
    sparse_generators: Sequence[MaskGenerator] = ()


@runtime_checkable
class Draft(Protocol):
    """A result that is sorted by frame and not yet published."""

    def masks_at(self, frame: int) -> TrackMasks:
        """The masks shown on a frame, each with its track."""
        ...


@runtime_checkable
class TrackStore(Protocol):
    """Keeps visits durably while a run goes on, and the result when it ends."""

    def shots(self) -> list[Shot] | None:
        """The video's shots, once they were kept; None before."""
        ...

    def keep_shots(self, shots: Sequence[Shot]) -> None:
        """Keep the video's shots, so that a run that goes on need not look for them again."""
        ...

    def objects(self) -> list[TrackName]:
        """What the objects that are followed are called, by number, as far as they were kept."""
        ...

    def keep_objects(self, names: Sequence[TrackName]) -> None:
        """Keep what the objects that are followed are called, so that a run that goes on knows it."""
        ...

    def committed(self) -> frozenset[VisitKey]:
        """The visits that are safely kept."""
        ...

    def commit(self, visit: Visit) -> None:
        """Keep a visit. It is there as a whole afterwards, or, killed on the way, not at all."""
        ...

    def read(self, key: VisitKey) -> Visit:
        """A visit that was committed."""
        ...

    def outline(self, key: VisitKey) -> tuple[Outline, Edges]:
        """A committed visit without its masks."""
        ...

    def appearances(self, key: VisitKey) -> Appearances:
        """What the masks that a committed visit made look like."""
        ...

    def seconds(self) -> dict[str, float]:
        """Time that all committed visits took together, by stage."""
        ...

    def compact(self, track_of: Mapping[VisitKey, Int32[np.ndarray, " n"]]) -> Draft:
        """Sort the rows and endings of these visits by frame; track_of says each row's track, -1 for rows not shown."""
        ...

    def publish(
        self,
        *,
        tracks: Tracks,
        frames: Frames,
        edges: Edges,
        summary: dict[str, Any],
        final: bool,
        names: Mapping[int, TrackName] = NO_NAMES,
    ) -> None:
        """Make what `compact` returned last the result, in place of an older one; `final` where nothing is left."""
        ...


@runtime_checkable
class Report(Protocol):
    """Is told what happens; shows it to people or writes it down."""

    def progress(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of a stage are done; the stage ends when they are equal."""
        ...

    def event(self, name: str, **facts: str | int | float | None) -> None:
        """Something happened that a log should hold."""
        ...

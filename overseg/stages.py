"""The stages of a run, as Protocols. To write a stage, read its Protocol here and one implementation.

    video -> shots -> keyframes -> masks -> masklets -> tracks -> store

Conventions everywhere: images are uint8 [height, width, 3], red first; masks are bool [height, width]; points are
(x, y) and boxes (x1, y1, x2, y2) in pixels of the processed frame, x to the right, y down; sizes are (height, width).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64

from overseg.data.appearances import Appearances
from overseg.data.detections import Detections
from overseg.data.frame import Frame
from overseg.data.located import Located
from overseg.data.masklets import Masklets
from overseg.data.masks import KeyframeMasks, RefinedMasks, TrackMasks
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.source_frames import SourceFrames
from overseg.data.spans import Spans
from overseg.data.track_names import NO_NAMES, TrackName
from overseg.data.tracks import Frames, Tracks
from overseg.data.video_info import VideoInfo
from overseg.data.visit import Direction, Edges, Outline, Visit, VisitKey


@runtime_checkable
class Video(Protocol):
    """Frames by index. Memory is bounded, whatever the length of the video and the order of access."""

    @property
    def info(self) -> VideoInfo: ...

    @property
    def timestamps_s(self) -> Float64[np.ndarray, " n"]:
        """Presentation time of every frame, in seconds."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Frame:
        """Decode frame `index` (0-based). Reading forward and backward are both fast."""
        ...


@dataclass(frozen=True)
class Clip:
    """The frames from one keyframe to the next, both included, decoded on demand."""

    video: Video
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start + 1

    def frames(self, direction: Direction) -> Iterator[Frame]:
        """All frames in the direction of propagation, both keyframes included."""
        forward = range(self.start, self.stop + 1)
        for index in forward if direction is Direction.FORWARD else reversed(forward):
            yield self.video[index]


@runtime_checkable
class MaskGenerator(Protocol):
    """Generates the masks of one keyframe, overlapping and at every granularity."""

    @property
    def keyframe_work(self) -> float:
        """Expected work of a keyframe, in passes of SAM's image encoder; the same on every machine."""
        ...

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        """Masks of `keyframe`, the most reliable first.

        Args:
            keyframe: the picture.
            propagated: masks that were propagated to this frame, perhaps a little misplaced; may be empty. A generator
                may use them as prompts, or ignore them.

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
class GivenMasks(Protocol):
    """A generator of masks that somebody gave, which may not be used all."""

    def frames(self, source: SourceFrames) -> frozenset[int]:
        """Numbers in the input of the frames that there are masks of; `source` are the frames of the input."""
        ...

    def unused(self, source: SourceFrames, keyframes: frozenset[int]) -> list[str]:
        """Lines on what of the masks cannot be used: what could not be read, and what lies on no keyframe.

        Args:
            source: the frames of the input.
            keyframes: numbers of keyframes in the input.
        """
        ...


@runtime_checkable
class MaskRefiner(Protocol):
    """Refines masks that were propagated to a keyframe whose own masks exist already."""

    @property
    def refine_work(self) -> float:
        """Expected work for the masks of one keyframe, in passes of SAM's image encoder."""
        ...

    def refined(self, keyframe: Frame, propagated: Rles) -> RefinedMasks:
        """The refined masks, of those propagated masks alone that the model confirms on `keyframe`."""
        ...


@runtime_checkable
class MaskPropagator(Protocol):
    """Propagates masks from one end of a clip to the other."""

    def clip_work(self, n_frames: int, n_masks: int) -> float:
        """Expected work of propagating through a clip, in passes of SAM's image encoder.

        Args:
            n_frames: frames after the prompts' frame.
            n_masks: masks propagated, summed over these frames.
        """
        ...

    def propagate(self, clip: Clip, prompts: Rles, direction: Direction) -> Masklets:
        """Propagate `prompts`, masks of the first frame in this direction, to the clip's other end.

        A masklet ends early if its mask gets smaller than the propagator's minimum area, loses its support, or the
        object is gone. `Masklets.end` has the termination reason of every prompt's masklet.
        """
        ...


@runtime_checkable
class LenientPropagator(Protocol):
    """A propagator that can also return masks with little support, to callers that check them by other evidence."""

    def lenient(self) -> MaskPropagator:
        """The same propagator, with masklets that end at a lower support."""
        ...


@runtime_checkable
class PromptedPropagator(Protocol):
    """Follows prompted objects."""

    def follow(self, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
        """Propagate objects through a whole shot: first forward from the earliest prompt, then backward from it.

        Each frame of the shot comes once, with a row for every object.

        Raises:
            InputError: a prompt does not fit the video, or this propagator does not support it.
        """
        ...


@runtime_checkable
class PromptMasks(Protocol):
    """Segments prompted objects on one frame."""

    def masks(self, frame: Frame, prompts: Prompts) -> ObjectMasks:
        """One mask for each object in `prompts`, all of which are on this frame."""
        ...


@runtime_checkable
class MaskLocator(Protocol):
    """Locates masks on other frames by their appearance."""

    @property
    def locate_work(self) -> float:
        """Expected work for the masks of one frame, in passes of SAM's image encoder."""
        ...

    def least_area_px(self, size: tuple[int, int]) -> float:
        """The area, in pixels, under which masks are hardly ever located on frames of (height, width)."""
        ...

    def sightings(self, frame: Frame, masks: Rles) -> Sequence[Any]:
        """What to remember of each mask on a frame to locate it on others; only this locator reads it."""
        ...

    def similarities(self, frame: Frame, memories: Sequence[Sequence[Any]], masks: Rles) -> Float32[np.ndarray, "m k"]:
        """How similar m remembered masks and k masks on a frame are, from 0 to 1, the same.

        It costs little beside `locate`.

        Args:
            frame: the frame.
            memories: the sightings of each remembered mask.
            masks: of the frame.
        """
        ...

    def locate(
        self, frame: Frame, memories: Sequence[Sequence[Any]], propagated: Rles, support: Float32[np.ndarray, " m"]
    ) -> Located:
        """The m masks on a frame.

        Args:
            frame: the frame.
            memories: the sightings of each mask, at least one.
            propagated: each mask as it was propagated to the frame; empty where it was lost.
            support: of each propagated mask, in [0, 1].

        Returns:
            One mask per memory, in order; empty where it is not found.
        """
        ...


@runtime_checkable
class LocatingGenerator(Protocol):
    """A generator whose model can also locate masks on other frames."""

    def locator(self) -> MaskLocator:
        """What locates masks with the same model; frames are encoded once for both."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Detects objects of known categories, each with a box."""

    categories: tuple[str, ...]

    def detect(self, frame: Frame) -> Detections:
        """The objects on a frame, the most confident first."""
        ...


@dataclass(frozen=True)
class Matches:
    """Pairs of a propagated mask and another mask of the same frame that may be the same region.

    A mask may be in several pairs.

    Attributes:
        propagated: row number of the propagated mask.
        mask: row number of the other mask.
        iou: their intersection over union, in [0, 1].
        explained: row numbers of the propagated masks that another mask agrees with. They need not be propagated on.
    """

    propagated: Int64[np.ndarray, " k"]
    mask: Int64[np.ndarray, " k"]
    iou: Float64[np.ndarray, " k"]
    explained: Int64[np.ndarray, " e"]


@runtime_checkable
class Associator(Protocol):
    """Decides which masks are the same region of the video."""

    def match(self, propagated: Rles, masks: Rles) -> Matches:
        """Match masks that were propagated to a keyframe with the masks of that keyframe."""
        ...

    def one_to_one(self, edges: Edges) -> Bool[np.ndarray, " e"]:
        """Which edges of one keyframe are one-to-one matches. The strongest edges are chosen first."""
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
            edges: the overlaps between regions; edges to other regions are ignored.
            seen_on, seen: region seen[i] has a mask on keyframe seen_on[i]. Two regions made on one keyframe are
                different, and never in one track.

        Returns:
            For every region, the smallest region of its group.
        """
        ...

    def reidentify(
        self, groups: Int64[np.ndarray, " r"], spans: Spans, appearances: Appearances
    ) -> Int64[np.ndarray, " r"]:
        """Join groups that are the same region before and after it was out of sight.

        Args:
            groups: the groups of one shot's regions, from `link`.
            spans: the frames on which these regions are seen, in the same order.
            appearances: their appearance embeddings, ordered by region; regions without one are left out.

        Returns:
            As `link`.
        """
        ...


@dataclass(frozen=True)
class Stages:
    """The stages of one run, ready to work.

    Attributes:
        generator: generates the masks of keyframes.
        preview_generator: generates few masks, for the previews of budgeted runs.
        propagator: propagates masks through clips.
        associator: decides which masks are the same region.
        refiner: refines masks that were propagated back to a keyframe; None leaves them as they are.
        sparse_generators: generate fewer masks with less work, each fewer than the one before, for budgeted runs.
        locator: locates masks that the propagator lost; None leaves them lost.
    """

    generator: MaskGenerator
    preview_generator: MaskGenerator
    propagator: MaskPropagator
    associator: Associator
    refiner: MaskRefiner | None = None
    sparse_generators: Sequence[MaskGenerator] = ()
    locator: MaskLocator | None = None


@runtime_checkable
class MasksByFrame(Protocol):
    """Masks with tracks, read frame by frame: a published result, or a draft of one."""

    def masks_at(self, frame: int) -> TrackMasks:
        """The masks of tracks on a frame, ordered by region."""
        ...


@runtime_checkable
class TrackStore(Protocol):
    """Keeps the visits of a run durably, and its result."""

    def shots(self) -> list[Shot] | None:
        """The video's shots; None before they are kept."""
        ...

    def keep_shots(self, shots: Sequence[Shot]) -> None:
        """Keep the video's shots, so that a resumed run does not detect them again."""
        ...

    def objects(self) -> list[TrackName]:
        """The names of the followed objects, by number; none before they are kept."""
        ...

    def keep_objects(self, names: Sequence[TrackName]) -> None:
        """Keep the names of the followed objects, so that a resumed run has them."""
        ...

    def committed(self) -> frozenset[VisitKey]:
        """The visits that are kept."""
        ...

    def commit(self, visit: Visit) -> None:
        """Keep a visit, atomically: if the process is killed, the store has all of it or nothing."""
        ...

    def discard(self, keys: Iterable[VisitKey]) -> None:
        """Remove committed visits."""
        ...

    def read(self, key: VisitKey) -> Visit:
        """A committed visit."""
        ...

    def outline(self, key: VisitKey) -> tuple[Outline, Edges]:
        """A committed visit without its masks."""
        ...

    def appearances(self, key: VisitKey) -> Appearances:
        """The appearance embeddings of the regions that a committed visit made."""
        ...

    def seconds(self) -> dict[str, float]:
        """Time that all committed visits took, in seconds by stage."""
        ...

    def compact(self, track_of: Mapping[VisitKey, Int32[np.ndarray, " n"]]) -> MasksByFrame:
        """Draft a result: the rows of these visits, sorted by frame.

        Args:
            track_of: for each visit, the track of each of its rows; -1 for rows that are not shown.
        """
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
        """Complete the last draft, and make it the current result; `final` if nothing is left to do."""
        ...


@runtime_checkable
class Report(Protocol):
    """Receives progress and events, and shows or logs them."""

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        """`done` of `total` steps of a stage are done. The stage ends when they are equal.

        Args:
            stage: name of the stage, which is shown.
            done, total: steps, such as frames.
            left_s: seconds until the stage ends; None if steps take equally long.
        """
        ...

    def event(self, name: str, **facts: str | int | float | None) -> None:
        """Log an event. The event "remark" has a `line` for people."""
        ...

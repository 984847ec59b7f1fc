"""Following prompted or detected objects through a whole video, and publishing a track for each."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from overseg.data.detections import Detections
from overseg.data.masks import Masks
from overseg.data.prompts import ObjectMasks
from overseg.data.shot import Shot
from overseg.data.terminations import Terminations
from overseg.data.track_names import TrackName
from overseg.data.visit import Direction, Visit, VisitKey
from overseg.engine.follow.followed import object_of
from overseg.engine.follow.publish import publish_objects
from overseg.engine.follow.redetection import FrameDetections, Redetection, distinct, identified
from overseg.engine.follow.subsequence import EdgeMasks, Subsequence
from overseg.engine.partial import PartialResults, WithoutProgress, publishing_if_interrupted
from overseg.errors import InputError, SettingsError
from overseg.prompts.objects import PromptedObjects
from overseg.stages import PromptedPropagator, Report, TrackStore, Video


def follow_objects(
    video: Video,
    propagator: PromptedPropagator,
    objects: PromptedObjects | None,
    store: TrackStore,
    *,
    subsequence: int | None = None,
    redetection: Redetection | None = None,
    min_area_px: int,
    report: Report,
) -> None:
    """Follow objects through the whole video, across cuts, and publish a track for each that is seen.

    Partial results are published on the way, and when Ctrl-C interrupts the work.

    Memory does not grow with the video: masks are encoded at once, and committed some frames at a time. A sub-sequence
    begins with the masks at its edge, or with confident detections on one of its frames.

    Args:
        video: the input.
        propagator: follows the objects.
        objects: the prompted objects; None if the detector finds them.
        store: may hold visits of an earlier call with the same arguments; sub-sequences that are complete there are not
            followed again.
        subsequence: frames in each sub-sequence; None for one of the whole video.
        redetection: detects objects in every sub-sequence without prompts; None propagates masks from the edge only.
        min_area_px: smaller masks are left out.
        report: receives progress and events.

    Raises:
        SettingsError: prompts on frames of several sub-sequences.
        InputError: nothing is prompted, and no detection is confident enough.
    """
    began = time.perf_counter()
    length = subsequence or len(video)
    shots = [Shot(at, min(at + length, len(video)) - 1) for at in range(0, len(video), length)]

    def publish(stopped: str | None, told: Report) -> None:
        names, found = following.names, following.found
        publish_objects(video, store, names=names, shots=shots, found=found, began=began, stopped=stopped, report=told)

    partial = PartialResults(lambda: publish("running", WithoutProgress(report)))
    following = _Following(video, propagator, store, shots, redetection, min_area_px, partial, report)
    with publishing_if_interrupted(store, lambda: publish("interrupted", WithoutProgress(report)), report):
        following.follow(objects)
    publish(None, report)


class _Following:
    """Follows objects through the sub-sequences: from the first one with prompts to the end, then to the start."""

    def __init__(
        self,
        video: Video,
        propagator: PromptedPropagator,
        store: TrackStore,
        shots: Sequence[Shot],
        redetection: Redetection | None,
        min_area_px: int,
        partial: PartialResults,
        report: Report,
    ) -> None:
        self._video, self._propagator, self._store, self._shots = video, propagator, store, shots
        self._redetection, self._min_area_px = redetection, min_area_px
        self._partial, self._report = partial, report
        self._detections_of: dict[int, FrameDetections | None] = {}  # by sub-sequence
        self.names: list[TrackName] = []

    @property
    def found(self) -> list[dict[str, Any]]:
        """The detections that were used as prompts, ready for JSON, by frame."""
        if self._redetection is None:
            return []
        known = [found for found in self._detections_of.values() if found is not None]
        return [self._redetection.as_facts(found) for found in sorted(known, key=lambda one: one.frame)]

    def follow(self, objects: PromptedObjects | None) -> None:
        """Follow all objects through all sub-sequences."""
        self.names = list(objects.names) if objects else []
        first = self._first(objects)
        self._make(first, None, objects)
        for at in range(first + 1, len(self._shots)):
            self._make(at, self._shots[at].start - 1, None)
        for at in range(first - 1, -1, -1):
            self._make(at, self._shots[at].stop + 1, None)

    def _first(self, objects: PromptedObjects | None) -> int:
        """Number of the sub-sequence to begin with."""
        if objects is not None:
            length = len(self._shots[0])
            numbers = np.unique(objects.prompts.frame // length).tolist()
            if len(numbers) > 1:
                frames = np.unique(objects.prompts.frame).tolist()
                raise SettingsError(f"--subsequence {length} takes prompts on frames of one sub-sequence, not {frames}")
            return int(numbers[0])
        for at, shot in enumerate(self._shots):
            is_found = self._detections(at) is not None
            self._report.progress("detect", len(self._video) if is_found else shot.stop + 1, len(self._video))
            if is_found:
                return at
        highest = self._redetection.highest if self._redetection else None
        best = (
            f"the highest confidence is {highest[0]:.2f}, on frame {highest[1]}" if highest else "nothing is detected"
        )
        raise InputError(
            f"expected a frame with a detection above the confidence, found none ({best}): lower --confidence, "
            "or prompt the objects"
        )

    def _make(self, at: int, edge_frame: int | None, objects: PromptedObjects | None) -> None:
        """Follow objects through one sub-sequence, unless the store has it already."""
        shot = self._shots[at]
        found = self._detections(at) if objects is None else None
        if self._is_complete(shot):
            self._restore_names(shot)
        else:
            edge = None if edge_frame is None else self._edge_masks(edge_frame)
            self._commit(self._visits(shot, objects, found, edge))
        if objects is None and found is None and self._redetection is not None:
            line = f"no confident detection on frames {shot.start} to {shot.stop}: masks are propagated through them"
            self._report.event("remark", line=line)
        self._report.progress("frames", self._n_done(), len(self._video))

    def _visits(
        self, shot: Shot, objects: PromptedObjects | None, found: FrameDetections | None, edge: EdgeMasks | None
    ) -> Iterator[Visit]:
        """The visits of a sub-sequence. Names of new objects are kept before the first one."""
        subsequence = Subsequence(self._video, self._propagator, shot, min_area_px=self._min_area_px)
        if objects is not None:
            self._store.keep_objects(self.names)
            return subsequence.from_prompts(objects.prompts)
        if found is not None:
            return self._from_detections(subsequence, found, edge)
        if edge is not None:
            return subsequence.from_edge(edge)
        nothing = Masks.empty(self._video.info.size)
        key = VisitKey(0, shot.start, shot.stop, Direction.FORWARD)
        return iter([Visit.of_masks(key, nothing, Terminations.empty())])

    def _from_detections(
        self, subsequence: Subsequence, found: FrameDetections, edge: EdgeMasks | None
    ) -> Iterator[Visit]:
        """Identify the detected objects, keep the names of new ones, and follow them."""
        propagated = {} if edge is None else subsequence.propagated(edge, found.frame)
        seen = subsequence.seen(found.frame, found.detections)
        rows = distinct(seen.rles)
        detections = found.detections.take(rows)
        on_frame = propagated.get(found.frame)
        numbers, self.names = identified(seen.take(rows), self._categories(detections), on_frame, self.names)
        self._store.keep_objects(self.names)
        return subsequence.from_detections(found.frame, numbers, detections, edge, propagated)

    def _commit(self, visits: Iterator[Visit]) -> None:
        committed = self._store.committed()
        for visit in visits:
            if visit.key not in committed:
                self._store.commit(visit)
            self._report.progress("frames", self._n_done(), len(self._video))
            if self._n_done() < len(self._video):
                self._partial.publish_if_due()

    def _detections(self, at: int) -> FrameDetections | None:
        """The first confident detections in a sub-sequence; None if there are none."""
        if self._redetection is None:
            return None
        if at not in self._detections_of:
            self._detections_of[at] = self._redetection.first(self._video, self._shots[at])
        return self._detections_of[at]

    def _categories(self, detections: Detections) -> list[str]:
        known = self._redetection.detector.categories if self._redetection else ()
        return [known[category] for category in detections.category.tolist()]

    def _is_complete(self, shot: Shot) -> bool:
        inside = [key for key in self._store.committed() if shot.start <= key.start <= key.stop <= shot.stop]
        return sum(key.stop - key.start + 1 for key in inside) == len(shot)

    def _n_done(self) -> int:
        return sum(key.stop - key.start + 1 for key in self._store.committed())

    def _restore_names(self, shot: Shot) -> None:
        """Take over the names of objects that an earlier call found in a sub-sequence."""
        keys = [key for key in self._store.committed() if shot.start <= key.start <= shot.stop]
        regions = np.concatenate([np.zeros(0, np.int64), *(self._store.outline(key)[0].region for key in keys)])
        n_known = max(len(self.names), int(object_of(regions).max(initial=-1)) + 1)
        self.names = self._store.objects()[:n_known]

    def _edge_masks(self, frame: int) -> EdgeMasks | None:
        """The committed masks of a frame; None if there are none."""
        key = next(key for key in self._store.committed() if key.start <= frame <= key.stop)
        rows = self._store.read(key).masks
        rows = rows.take(rows.frame == frame)
        if not len(rows):
            return None
        numbers = object_of(rows.region)
        masks = ObjectMasks(rows.rles, numbers.astype(np.int32), rows.frame, rows.score)
        return EdgeMasks(masks, dict(zip(numbers.tolist(), rows.region.tolist(), strict=True)))

"""Following prompted or detected objects through a video, and a result of what came of it."""

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
from overseg.engine.follow.redetection import Found, Redetection, distinct, identified
from overseg.engine.follow.stretch import Propagated, Stretch
from overseg.errors import InputError, SettingsError
from overseg.prompts.objects import PromptedObjects
from overseg.stages import PromptedPropagator, Report, TrackStore, Video


def track(
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

    Memory does not grow with the video: masks are encoded when they come, and committed some frames at a time. In
    sub-sequences, each begins with what reached its edge, or with what a detector is sure of on one of its frames.

    Args:
        video: what to follow them through.
        propagator: follows them.
        objects: what to follow; None to leave that to the detector.
        store: may hold visits of an earlier call with the same arguments; sub-sequences that are complete there are not
            followed again.
        subsequence: frames in each sub-sequence; None makes one of the whole video.
        redetection: where to look for objects in every sub-sequence without prompts; None only propagates masks over.
        min_area_px: smaller masks are left out.
        report: is told of every frame.

    Raises:
        SettingsError: prompts on frames of several sub-sequences.
        InputError: nothing is prompted, and no detection is sure enough.
    """
    began = time.perf_counter()
    length = subsequence or len(video)
    shots = [Shot(at, min(at + length, len(video)) - 1) for at in range(0, len(video), length)]
    work = _Work(video, propagator, store, shots, redetection, min_area_px, report)
    work.follow(objects)
    publish_objects(video, store, names=work.names, shots=shots, found=work.found, began=began, report=report)


class _Work:
    """The sub-sequences one after the other, out from the first in which something is prompted."""

    def __init__(
        self,
        video: Video,
        propagator: PromptedPropagator,
        store: TrackStore,
        shots: Sequence[Shot],
        redetection: Redetection | None,
        min_area_px: int,
        report: Report,
    ) -> None:
        self._video, self._propagator, self._store, self._shots = video, propagator, store, shots
        self._redetection, self._min_area_px, self._report = redetection, min_area_px, report
        self._looked_at: dict[int, Found | None] = {}
        self.names: list[TrackName] = []

    @property
    def found(self) -> list[dict[str, Any]]:
        """What the detector was asked for and prompted with, by frame."""
        if self._redetection is None:
            return []
        known = [found for found in self._looked_at.values() if found is not None]
        return [self._redetection.as_facts(found) for found in sorted(known, key=lambda one: one.frame)]

    def follow(self, objects: PromptedObjects | None) -> None:
        """Follow everything everywhere."""
        self.names = list(objects.names) if objects else []
        first = self._first(objects)
        self._make(first, None, objects)
        for at in range(first + 1, len(self._shots)):
            self._make(at, self._shots[at].start - 1, None)
        for at in range(first - 1, -1, -1):
            self._make(at, self._shots[at].stop + 1, None)

    def _first(self, objects: PromptedObjects | None) -> int:
        """The sub-sequence to begin with."""
        if objects is not None:
            length = len(self._shots[0])
            numbers = np.unique(objects.prompts.frame // length).tolist()
            if len(numbers) > 1:
                frames = np.unique(objects.prompts.frame).tolist()
                raise SettingsError(f"--subsequence {length} takes prompts on frames of one sub-sequence, not {frames}")
            return int(numbers[0])
        for at, shot in enumerate(self._shots):
            is_found = self._look(at) is not None
            self._report.progress("look", len(self._video) if is_found else shot.stop + 1, len(self._video))
            if is_found:
                return at
        surest = self._redetection.surest if self._redetection else None
        best = f"the surest was {surest[0]:.2f} on frame {surest[1]}" if surest else "there was none at all"
        raise InputError(
            f"expected a frame with a detection that is sure enough, found none ({best}): lower --confidence, "
            "or point out the objects"
        )

    def _make(self, at: int, edge: int | None, objects: PromptedObjects | None) -> None:
        """Follow what there is through one sub-sequence, unless that was done before."""
        shot = self._shots[at]
        found = self._look(at) if objects is None else None
        if self._is_complete(shot):
            self._know_objects_of(shot)
        else:
            stretch = Stretch(self._video, self._propagator, shot, min_area_px=self._min_area_px)
            propagated = None if edge is None else self._propagated(edge)
            self._commit(shot, self._visits(stretch, shot, objects, found, propagated))
        if objects is None and found is None and self._redetection is not None:
            line = f"no sure detection on frames {shot.start} to {shot.stop}: masks are propagated over"
            self._report.event("remark", line=line)
        self._report.progress("track", self._n_done(), len(self._video))

    def _visits(
        self,
        stretch: Stretch,
        shot: Shot,
        objects: PromptedObjects | None,
        found: Found | None,
        propagated: Propagated | None,
    ) -> Iterator[Visit]:
        if objects is not None:
            self._store.keep_objects(self.names)
            return stretch.from_prompts(objects.prompts)
        if found is not None:
            reaching = {} if propagated is None else stretch.reaching(propagated, found.frame)
            here = reaching.get(found.frame)
            seen = stretch.seen(found.frame, found.detections)
            rows = distinct(seen.rles)
            detections = found.detections.take(rows)
            numbers, self.names = identified(seen.take(rows), self._categories(detections), here, self.names)
            self._store.keep_objects(self.names)
            return stretch.from_detections(found.frame, numbers, detections, propagated, reaching)
        if propagated is not None:
            return stretch.from_edge(propagated)
        nothing = Masks.empty(self._video.info.size)
        return iter(
            [Visit.of_masks(VisitKey(0, shot.start, shot.stop, Direction.FORWARD), nothing, Terminations.empty())]
        )

    def _commit(self, shot: Shot, visits: Iterator[Visit]) -> None:
        committed = self._store.committed()
        for visit in visits:
            if visit.key not in committed:
                self._store.commit(visit)
            self._report.progress("track", self._n_done(), len(self._video))

    def _look(self, at: int) -> Found | None:
        if self._redetection is None:
            return None
        if at not in self._looked_at:
            self._looked_at[at] = self._redetection.first(self._video, self._shots[at])
        return self._looked_at[at]

    def _categories(self, detections: Detections) -> list[str]:
        known = self._redetection.detector.categories if self._redetection else ()
        return [known[category] for category in detections.category.tolist()]

    def _is_complete(self, shot: Shot) -> bool:
        inside = [key for key in self._store.committed() if shot.start <= key.start <= key.stop <= shot.stop]
        return sum(key.stop - key.start + 1 for key in inside) == len(shot)

    def _n_done(self) -> int:
        return sum(key.stop - key.start + 1 for key in self._store.committed())

    def _know_objects_of(self, shot: Shot) -> None:
        """Take up the names of what was found in a sub-sequence of an earlier call."""
        keys = [key for key in self._store.committed() if shot.start <= key.start <= shot.stop]
        regions = np.concatenate([np.zeros(0, np.int64), *(self._store.outline(key)[0].region for key in keys)])
        n_known = max(len(self.names), int(object_of(regions).max(initial=-1)) + 1)
        self.names = self._store.objects()[:n_known]

    def _propagated(self, frame: int) -> Propagated | None:
        """What was followed to a frame; None for nothing."""
        key = next(key for key in self._store.committed() if key.start <= frame <= key.stop)
        rows = self._store.read(key).masks
        rows = rows.take(rows.frame == frame)
        if not len(rows):
            return None
        numbers = object_of(rows.region)
        masks = ObjectMasks(rows.rles, numbers.astype(np.int32), rows.frame, rows.score)
        return Propagated(masks, dict(zip(numbers.tolist(), rows.region.tolist(), strict=True)))

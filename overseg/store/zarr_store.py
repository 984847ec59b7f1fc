"""The journal of a run, and the form of its result: a zarr v3 group. `docs/store.md` describes it byte by byte."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Int32

from overseg.data.appearances import Appearances
from overseg.data.shot import Shot
from overseg.data.track_names import NO_NAMES, TrackName
from overseg.data.tracks import Frames, Tracks
from overseg.data.visit import Edges, Outline, Visit, VisitKey
from overseg.store.compaction import TrackOf
from overseg.store.draft import Draft, compacted, complete, reassociated
from overseg.store.folder import Folder, Lock
from overseg.store.journal import Journal
from overseg.store.opening import begin, prepare_folder, tidy
from overseg.store.places import folder_at
from overseg.store.root import PARTS, RESULTS, Root, as_json, read_root, write_group, write_root
from overseg.store.write_errors import writing


class ZarrStore:
    """A TrackStore on a disk or in a bucket. Only one process has it open; use it in a `with` block, or close it."""

    def __init__(self, folder: Folder, root: Root, lock: Lock) -> None:
        """For the class methods alone."""
        self._folder = folder
        self._journal, self._results = Journal(folder / PARTS, root.size), folder / RESULTS
        self._root = root
        self._lock = lock
        self._draft: Draft | None = None
        self._is_mended = False

    @classmethod
    def create_or_resume(
        cls,
        path: str | Path,
        *,
        identity: dict[str, Any],
        provenance: dict[str, Any],
        size: tuple[int, int],
        overwrite: bool = False,
    ) -> "ZarrStore":
        """Open the store of a run at `path`, made anew if there is none.

        Args:
            path: the store's folder, whose parents are made; or such an address as `s3://bucket/cup.zarr`.
            identity: what the result depends on, in JSON; `identity["video"]` holds the fields of VideoInfo.
            provenance: what else is worth knowing, in JSON.
            size: (height, width) of every mask, in pixels.
            overwrite: throw away what the store holds.

        Raises:
            StoreError: the path cannot be written, holds something else, holds the store of another run, of a newer
                format, or one that another process is writing.
        """
        folder = folder_at(path)
        root = Root(as_json(identity), as_json(provenance), (int(size[0]), int(size[1])))
        with writing(folder):
            prepare_folder(folder)
            lock = folder.lock()
            try:
                return cls(folder, begin(folder, root, overwrite=overwrite), lock)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def reopen(cls, path: str | Path) -> "ZarrStore":
        """Open a store that is there, as it is.

        Raises:
            StoreError: there is none, of a newer format, or one that another process is writing.
        """
        root = read_root(folder_at(path))
        return cls.create_or_resume(path, identity=root.identity, provenance=root.provenance, size=root.size)

    @classmethod
    def reopen_damaged(cls, folder: Folder) -> "ZarrStore":
        """Open a store that is to be mended. Nothing in it is changed before `begin_mending`.

        Raises:
            StoreError: there is none, its root is damaged, or another process is writing it.
        """
        read_root(folder)  # before anything is written beside what is no store
        with writing(folder):
            lock = folder.lock()
            try:
                return cls(folder, read_root(folder), lock)
            except BaseException:
                lock.release()
                raise

    @property
    def root(self) -> Root:
        """What the store says of itself."""
        return self._root

    @property
    def path(self) -> str | Path:
        """The store's folder; an address where that is in a bucket."""
        return self._folder.address

    @property
    def final(self) -> bool:
        """Whether a final result was published: there is nothing left to do, and visits are gone."""
        return self._root.final

    @property
    def has_result(self) -> bool:
        """Whether a result was published, final or not."""
        return self._root.result is not None

    def shots(self) -> list[Shot] | None:
        """The video's shots, once they were kept; None before."""
        return None if self._root.shots is None else [Shot(start, stop) for start, stop in self._root.shots]

    def keep_shots(self, shots: Sequence[Shot]) -> None:
        """Keep the video's shots, so that a run that goes on need not look for them again.

        Raises:
            StoreError: they could not be written.
        """
        root = replace(self._root, shots=[[shot.start, shot.stop] for shot in shots])
        with writing(self._folder):
            write_root(self._folder, root)
        self._root = root

    def objects(self) -> list[TrackName]:
        """What the objects that are followed are called, by number, as far as they were kept."""
        return [TrackName(**one) for one in self._root.objects]

    def keep_objects(self, names: Sequence[TrackName]) -> None:
        """Keep what the objects that are followed are called, so that a run that goes on knows it.

        Raises:
            StoreError: it could not be written.
        """
        root = replace(self._root, objects=[asdict(name) for name in names])
        with writing(self._folder):
            write_root(self._folder, root)
        self._root = root

    def committed(self) -> frozenset[VisitKey]:
        """The visits that are safely kept."""
        return self._journal.keys()

    def commit(self, visit: Visit) -> None:
        """Keep a visit. It is there as a whole afterwards, or, killed on the way, not at all.

        Raises:
            StoreError: it could not be written; nothing of it is kept then.
            ValueError: it was committed before, has rows outside its clip, or the store is final.
        """
        if self.final and not self._is_mended:
            raise ValueError(f"expected a store to which visits can be added, got {self._folder}, which is final")
        with writing(self._folder):
            self._journal.add(visit)

    def begin_mending(self, damaged: Iterable[VisitKey]) -> None:
        """Let visits be made again, those that are damaged and, of a final store, those that its result was made of.

        What is damaged stays until what is made anew takes its place, visits one by one, and the result when the next
        one is published: whatever ends the mending, the same can be begun again, and nothing is lost by it.

        Raises:
            StoreError: the store cannot be written.
        """
        with writing(self._folder):
            for folder in (self._journal.parts, self._results):
                folder.make()
            write_group(self._results, {})
            self._journal.set_aside(damaged)
            self._is_mended = True

    def discard(self, keys: Iterable[VisitKey]) -> None:
        """Take away visits, whole or damaged; KeyError if one is not there.

        Raises:
            StoreError: the store cannot be written.
        """
        with writing(self._folder):
            self._journal.discard(keys)

    def read(self, key: VisitKey) -> Visit:
        """A visit that was committed; KeyError if it was not."""
        return self._journal.read(key)

    def outline(self, key: VisitKey) -> tuple[Outline, Edges]:
        """A committed visit without its masks; KeyError if it was not committed."""
        return self._journal.outline(key)

    def appearances(self, key: VisitKey) -> Appearances:
        """What the masks that a committed visit made look like; KeyError if it was not committed."""
        return self._journal.appearances(key)

    def seconds(self) -> dict[str, float]:
        """Time that all committed visits took together, by stage."""
        return self._journal.seconds()

    def compact(self, track_of: TrackOf) -> Draft:
        """Sort the rows of visits by frame, into a result that is not yet published.

        Args:
            track_of: for each visit to take, the track of each of its rows, from 0 without gaps; -1 for none.

        Raises:
            StoreError: it could not be written.
        """
        missing = set(track_of) - self._journal.keys()
        if missing:
            raise KeyError(min(missing))
        with writing(self._folder):
            self._draft = compacted(
                self._results,
                parts=self._journal.parts,
                track_of=track_of,
                size=self._root.size,
                n_frames=self._root.identity["video"]["n_frames"],
            )
        return self._draft

    def reassociate(self, track: Int32[np.ndarray, " n"], *, n_tracks: int) -> Draft:
        """The current result's masks with other tracks, as a result that is not yet published.

        Args:
            track: the track of each row of the current result, from 0 without gaps; -1 for none.
            n_tracks: how many there are.

        Raises:
            StoreError: it could not be written.
        """
        with writing(self._folder):
            self._draft = reassociated(
                self._results, str(self._root.result), track, n_tracks=n_tracks, size=self._root.size
            )
        return self._draft

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
        """Complete the draft that `compact` returned last and make it the store's result, in place of an older one.

        Args:
            tracks, frames: one row for each of the draft's tracks and frames.
            edges: what met what; kept sorted by (frame, region_from, region_to).
            summary: what else to tell of the run, in JSON.
            final: nothing will be added: the visits are thrown away.
            names: what tracks are called, of those that somebody named.

        Raises:
            StoreError: it could not be written; the older result stands then.
        """
        draft = self._draft
        if draft is None:
            raise ValueError("expected a draft to publish: call compact first")
        draft.check(tracks, frames)
        self._draft = None
        with writing(self._folder):
            name = str(1 + max((int(name) for name in self._results.names() if name.isdecimal()), default=0))
            root = self._root.with_result(name, final=final)
            try:
                complete(draft, tracks=tracks, frames=frames, edges=edges, summary=summary, names=names)
                self._results.publish(draft.path, name)
                write_root(self._folder, root)
            except BaseException:
                tidy(self._folder, read_root(self._folder), keep_parts=self._is_mended)
                raise
            self._root, self._is_mended = root, False
            if final:
                self._journal.forget()
            tidy(self._folder, root)

    def close(self) -> None:
        """Let others write the store; drafts that were not published are gone."""
        with writing(self._folder):
            for folder in (self._journal.parts, self._results):
                folder.clear_drafts()
            self._lock.release()

    def __enter__(self) -> "ZarrStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

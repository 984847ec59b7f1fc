"""A store as a zarr v3 group: the visits of a run and its result. `docs/store.md` describes the format."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from overseg.store.opening import begin, prepare_folder, refuse_other_run, tidy
from overseg.store.places import folder_at
from overseg.store.root import PARTS, RESULTS, Root, as_json, read_root, write_group, write_root
from overseg.store.write_errors import writing


class ZarrStore:
    """A `stages.TrackStore` on a disk or in a bucket. One process at a time has it open; close it, or use `with`.

    Every method that writes raises StoreError if it cannot; what was committed before stays.
    """

    def __init__(self, folder: Folder, root: Root, lock: Lock, *, is_part: bool = False) -> None:
        """Only for the class methods."""
        self._folder = folder
        self._journal, self._results = Journal(folder / PARTS, root.size), folder / RESULTS
        self._root = root
        self._lock = lock
        self._draft: Draft | None = None
        self._is_repaired, self._is_part = False, is_part
        self._replaced: str | None = None  # a result that others may still be reading

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
        """Open the store of a run at `path`; create it if there is none.

        Args:
            path: the store's folder, whose parents are created; or an address such as `s3://bucket/cup.zarr`.
            identity: all that the result depends on, in JSON; `identity["video"]` has the fields of VideoInfo.
            provenance: other facts, in JSON.
            size: (height, width) of every mask, in pixels.
            overwrite: remove what the store holds.

        Raises:
            StoreError: the path cannot be written, or it holds something else, the store of another run, one of
                another format version, or one that another process is writing.
        """
        folder = folder_at(path)
        root = Root(as_json(identity), as_json(provenance), (int(size[0]), int(size[1])))
        with writing(folder):
            prepare_folder(folder)
            return cls._locked(folder, lambda: begin(folder, root, overwrite=overwrite))

    @classmethod
    def join(cls, path: str | Path, part: str, *, identity: dict[str, Any], size: tuple[int, int]) -> "ZarrStore":
        """Open the store of a run to add a part of its visits, while other processes add other parts.

        Only `commit` writes then. `create_or_resume` opens the store again once all parts are closed.

        Args:
            path: path or address of the store.
            part: its name, of letters, digits and dashes.
            identity, size: as in `create_or_resume`.

        Raises:
            StoreBusyError: another process writes this part, or all of the store.
            StoreError: there is no store, it is damaged, or it belongs to another run.
        """
        folder = folder_at(path)
        expected = Root(as_json(identity), {}, (int(size[0]), int(size[1])))
        read_root(folder)  # so that nothing is written into a folder that is no store
        with writing(folder):
            lock = folder.lock(part)
            try:
                root = read_root(folder)
                refuse_other_run(folder, root, expected)
                return cls(folder, root, lock, is_part=True)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def reopen(cls, path: str | Path) -> "ZarrStore":
        """Open an existing store, without changing its identity.

        Raises:
            StoreError: there is none, it has another format version, or another process is writing it.
        """
        root = read_root(folder_at(path))
        return cls.create_or_resume(path, identity=root.identity, provenance=root.provenance, size=root.size)

    @classmethod
    def reopen_damaged(cls, folder: Folder) -> "ZarrStore":
        """Open a store for a repair. Nothing in it changes before `begin_repair`.

        Raises:
            StoreError: there is none, its root is damaged, or another process is writing it.
        """
        read_root(folder)  # so that nothing is written into a folder that is no store
        with writing(folder):
            return cls._locked(folder, lambda: read_root(folder))

    @classmethod
    def _locked(cls, folder: Folder, root: Callable[[], Root]) -> "ZarrStore":
        """Lock the folder and open the store with this root; release the lock if that fails."""
        lock = folder.lock()
        try:
            return cls(folder, root(), lock)
        except BaseException:
            lock.release()
            raise

    @property
    def root(self) -> Root:
        """The content of the root group."""
        return self._root

    @property
    def path(self) -> str | Path:
        """Path or address of the store."""
        return self._folder.address

    @property
    def final(self) -> bool:
        """Whether a final result was published: nothing is left to do, and the visits are removed."""
        return self._root.final

    def shots(self) -> list[Shot] | None:
        """The video's shots; None before they are kept."""
        more = self._root.more_keyframes
        return None if self._root.shots is None else [_shot(start, stop, more) for start, stop in self._root.shots]

    def keep_shots(self, shots: Sequence[Shot]) -> None:
        """Keep the video's shots, so that a resumed run does not detect them again."""
        more = [frame for shot in shots for frame in shot.more_keyframes]
        ends = [[shot.start, shot.stop] for shot in shots]
        self._write_root(replace(self._root, shots=ends, more_keyframes=more))

    @property
    def is_ahead(self) -> bool:
        """Whether visits were made ahead of their turn, some of which a budget may not pay for."""
        return self._root.ahead

    def keep_ahead(self, is_ahead: bool) -> None:
        """Keep whether visits may be made ahead of their turn."""
        if is_ahead != self._root.ahead:
            self._write_root(replace(self._root, ahead=is_ahead))

    def objects(self) -> list[TrackName]:
        """The names of the followed objects, by number; none before they are kept."""
        return [TrackName(**one) for one in self._root.objects]

    def keep_objects(self, names: Sequence[TrackName]) -> None:
        """Keep the names of the followed objects, so that a resumed run has them."""
        self._write_root(replace(self._root, objects=[asdict(name) for name in names]))

    def committed(self) -> frozenset[VisitKey]:
        """The visits that are kept."""
        if self._is_part:
            self._journal.look_again()  # others commit, too
        return self._journal.keys()

    def commit(self, visit: Visit) -> None:
        """Keep a visit, atomically: if the process is killed, the store has all of it or nothing.

        Raises:
            StoreError: it could not be written; nothing of it is kept then.
            ValueError: it was committed before, has rows outside its clip, or the store is final.
        """
        if self.final and not self._is_repaired:
            raise ValueError(f"expected a store to which visits can be added, got {self._folder}, which is final")
        with writing(self._folder):
            self._journal.add(visit)

    def begin_repair(self, damaged: Iterable[VisitKey]) -> None:
        """Accept visits that are made again: the damaged ones and, in a final store, those of its result.

        Damaged files stay until they are replaced: a visit by `commit`, a result by `publish`. So a repair that is
        interrupted loses nothing and can begin again.

        Raises:
            StoreError: the store cannot be written.
        """
        with writing(self._folder):
            for folder in (self._journal.parts, self._results):
                folder.make()
            write_group(self._results, {})
            self._journal.mark_uncommitted(damaged)
            self._is_repaired = True

    def discard(self, keys: Iterable[VisitKey]) -> None:
        """Remove visits, whole or damaged; KeyError if one is not committed."""
        with writing(self._folder):
            self._journal.discard(keys)

    def read(self, key: VisitKey) -> Visit:
        """A committed visit; KeyError if it is not committed."""
        return self._journal.read(key)

    def outline(self, key: VisitKey) -> tuple[Outline, Edges]:
        """A committed visit without its masks; KeyError if it is not committed."""
        return self._journal.outline(key)

    def appearances(self, key: VisitKey) -> Appearances:
        """The appearance embeddings of the regions that a committed visit made; KeyError if it is not committed."""
        return self._journal.appearances(key)

    def seconds(self) -> dict[str, float]:
        """Time that all committed visits took, in seconds by stage."""
        return self._journal.seconds()

    def compact(self, track_of: TrackOf) -> Draft:
        """Draft a result: the rows of visits, sorted by frame.

        Args:
            track_of: for each visit, the track of each of its rows, from 0 without gaps; -1 for none.

        Raises:
            StoreError: it could not be written.
            KeyError: a visit is not committed.
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
        """Draft a result: the rows of the current one, with other tracks.

        Args:
            track: the track of each row of the current result, from 0 without gaps; -1 for none.
            n_tracks: number of tracks.

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
        """Complete the last draft, and make it the current result.

        The result that it replaces stays until the next one, or until the store is closed, for others that read it.

        Args:
            tracks, frames: one row for each of the draft's tracks and frames.
            edges: the overlaps between regions; they are stored sorted by (frame, region_from, region_to).
            summary: facts about the run, in JSON.
            final: nothing is left to do: the visits are removed.
            names: of the tracks that have one.

        Raises:
            StoreError: it could not be written; the older result stays current then.
        """
        draft = self._draft
        if draft is None:
            raise ValueError("expected a draft to publish: call compact first")
        draft.check(tracks, frames)
        self._draft = None
        with writing(self._folder):
            root = self._root.with_result(self._next_name(), final=final)
            try:
                complete(draft, tracks=tracks, frames=frames, edges=edges, summary=summary, names=names)
                self._results.publish(draft.path, str(root.result))
                write_root(self._folder, root)
            except BaseException:
                tidy(self._folder, read_root(self._folder), keep_parts=self._is_repaired)
                raise
            self._replaced = self._root.result
            self._root, self._is_repaired = root, False
            if final:
                self._journal.forget()
            tidy(self._folder, root, keep_result=self._replaced)

    def close(self) -> None:
        """Remove drafts that were not published, and let others write the store."""
        with writing(self._folder):
            try:
                for folder in () if self._is_part else (self._journal.parts, self._results):
                    folder.clear_drafts()
                if self._replaced is not None:
                    (self._results / self._replaced).remove_all()
            finally:
                self._lock.release()

    def _write_root(self, root: Root) -> None:
        with writing(self._folder):
            write_root(self._folder, root)
        self._root = root

    def _next_name(self) -> str:
        """An unused name for a result, a number."""
        return str(1 + max((int(name) for name in self._results.names() if name.isdecimal()), default=0))

    def __enter__(self) -> "ZarrStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _shot(start: int, stop: int, more_keyframes: Sequence[int]) -> Shot:
    """A shot with its own ones among the keyframes of all shots."""
    return Shot(start, stop, tuple(frame for frame in more_keyframes if start <= frame <= stop))

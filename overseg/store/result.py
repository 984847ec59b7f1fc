"""Reading a result, a few masks at a time."""

import hashlib
from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int8, Int32, Int64, UInt8

from overseg.data.appearances import Appearances
from overseg.data.frame_masks import FrameMasks
from overseg.data.masks import keyframe_of
from overseg.data.renamed import Renamed, renamed_option
from overseg.data.terminations import TrackTerminations
from overseg.data.track_names import TrackName
from overseg.data.track_tree import TrackTree
from overseg.data.tracks import Frames, Tracks
from overseg.data.video_info import VideoInfo
from overseg.data.visit import Edges, Outline
from overseg.errors import InputError, StoreError
from overseg.store.changes import Changes, Masks
from overseg.store.columns import StoredRows
from overseg.store.content_hash import hash_of
from overseg.store.flattened import Flattened, cut
from overseg.store.folder import Folder
from overseg.store.integrity import CHECKSUM, missing_or_cut
from overseg.store.mask_table import MaskTable
from overseg.store.places import folder_at
from overseg.store.progress import progress
from overseg.store.root import RESULTS, Root, read_result_attributes, read_root
from overseg.store.summary_text import as_html, six_lines
from overseg.store.termination_table import count_ends, read_terminations, region_tracks, termination_columns
from overseg.store.zarr_tables import read_table

AnyResult = TypeVar("AnyResult", bound="Result")
Found = TypeVar("Found")
_VERSION_CHARACTERS = 16  # of the sha256 of a result's attributes, which hold the sha256 of every file


@runtime_checkable
class ResultPictures(Protocol):
    """Shows a result: a store holds masks, and pictures come from elsewhere."""

    def rgb(self, result: "Result", frame: int) -> UInt8[np.ndarray, "h w 3"]:
        """A frame of the input, in the size of the masks; InputError if the input is missing."""
        ...

    def overview(self, result: "Result") -> dict[str, UInt8[np.ndarray, "h w 3"]]:
        """Small pictures of the whole result, by what they show."""
        ...


def open_result(path: str | Path, *, pictures: ResultPictures | None = None) -> "Result":
    """The result of the store at `path`. Only small tables are read at once.

    Args:
        path: of the store.
        pictures: gives the result's pictures; None for a result without any.

    Raises:
        StoreError: there is no store, it has another format version, or it has no result yet.
    """
    return open_result_as(Result, path, pictures=pictures)


def open_result_as(kind: type[AnyResult], path: str | Path, *, pictures: ResultPictures | None = None) -> AnyResult:
    """The result of the store at `path` as an object of a subclass of `Result`; see `open_result`."""
    folder = folder_at(path)
    root = read_root(folder)
    if root.result is None:
        raise StoreError(
            f"{path}: {progress(path).n_visits} visits committed, no result yet; run the same command again to finish"
        )
    return kind(folder, root, pictures)


class Result:
    """A result: overlapping masks of every frame, and their tracks. `print` shows it in six lines.

    Attributes:
        path: path or address of the store.
        identity: all that the result depends on: the video, the settings and the weights.
        provenance: versions, weights and machine that made it.
        final: whether the run is complete. If not, running the same command again continues it.
        size: (height, width) of every mask, in pixels.
        version: tells this result from all others: it changes if the run is continued or relinked.
        changes: what lies over the result that was published; None if nothing does.
    """

    def __init__(self, store: Folder, root: Root, pictures: ResultPictures | None = None) -> None:
        """Only for `open_result`.

        Raises:
            StoreError: a file of the result is missing or damaged.
        """
        self.path = store.address
        self.identity, self.provenance = root.identity, root.provenance
        self.final, self.size = root.final, root.size
        self._folder = store / RESULTS / str(root.result)
        self._attributes = read_result_attributes(self._folder)
        if damage := missing_or_cut(self._folder, self._attributes["files"]):
            raise StoreError(
                f"{self._folder}/{damage[0]} is damaged ({damage[1]}): perhaps the store was copied while a process "
                "wrote it; copy it again, or see `overseg repair`"
            )
        self._stored = MaskTable(self._folder, root.size)
        self._masks: Masks = self._stored
        self._pictures = pictures
        self.version: str = self._attributes[CHECKSUM][:_VERSION_CHARACTERS]
        self.changes: Changes | None = None
        self._read_once: dict[str, Any] = {}

    def changed(self: AnyResult, make: "Callable[[MaskTable], Changes] | None") -> AnyResult:
        """The same result under other changes; what is stored stays as it is.

        Args:
            make: gets the stored masks; None for no changes.
        """
        other = copy(self)
        for name in ("tracks", "frames", "names", "tree"):
            other.__dict__.pop(name, None)
        other.changes = None if make is None else make(self._stored)
        other._masks = self._stored if other.changes is None else other.changes.masks
        return other

    @property
    def as_found(self: AnyResult) -> AnyResult:
        """The result that was published, without changes."""
        return self if self.changes is None else self._once("as_found", lambda: self.changed(None))

    def _once(self, name: str, read: Callable[[], Found]) -> Found:
        """What was read first, for this result and those that differ in changes alone."""
        if name not in self._read_once:
            self._read_once[name] = read()
        return self._read_once[name]

    @property
    def info(self) -> VideoInfo:
        """Facts about the video."""
        names = {f.name for f in fields(VideoInfo)}
        known = {name: value for name, value in self.identity["video"].items() if name in names}
        return VideoInfo(**{"name": Path(self.provenance.get("input", "")).name, **known})

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The run's summary: why it stopped, what is left undone, seconds by stage."""
        return self._attributes["summary"]

    @cached_property
    def names(self) -> dict[int, TrackName]:
        """The names of the tracks that have one."""
        named = self._attributes.get("names", {})
        names = {int(track): TrackName(**name) for track, name in named.items()}
        return names if self.changes is None else self.changes.names(names)

    @cached_property
    def tracks(self) -> Tracks:
        """One row for each track."""
        tracks = self._once("tracks", lambda: read_table(self._folder, "tracks", Tracks))
        return tracks if self.changes is None else self.changes.tracks(tracks)

    @cached_property
    def frames(self) -> Frames:
        """One row for each frame."""
        frames = self._once("frames", lambda: read_table(self._folder, "frames", Frames))
        return frames if self.changes is None else self.changes.frames(frames)

    @cached_property
    def edges(self) -> Edges:
        """The overlaps between regions, ordered by (frame, region_from, region_to)."""
        return read_table(self._folder, "edges", Edges)

    @cached_property
    def appearances(self) -> Appearances:
        """The appearance embeddings of regions, ordered by region."""
        return read_table(self._folder, "looks", Appearances)

    @cached_property
    def tree(self) -> TrackTree:
        """The containment tree of the tracks: roots, children, depths."""
        return TrackTree.from_part_of(self.tracks.part_of)

    @renamed_option("level", "depth")
    def flatten(self, *, depth: int | None = None, n_tracks: int | None = None) -> Flattened:
        """The masks painted over each other, small tracks on top: a partition, for tools that take no overlap.

        Example:
            >>> flat = overseg.open("cup.zarr").flatten(depth=1)  # doctest: +SKIP
            >>> flat.labels_at(0), str(flat.loss())  # doctest: +SKIP

        Args:
            depth: keep tracks down to this depth of the tree: 0 for roots alone, 1 for their parts too, and so on.
            n_tracks: keep this number of tracks, those with the most pixels over all frames; a part is only kept if
                all tracks that contain it are.

        Raises:
            SettingsError: both are given, or one is out of range.
        """
        return Flattened(self, self.tracks, cut(self.tracks, self.tree, depth=depth, n_tracks=n_tracks), len(self))

    def __len__(self) -> int:
        """Number of frames."""
        return self._masks.n_frames

    @property
    def n_tracks(self) -> int:
        """Number of tracks, those without masks included: the length of `tracks`, which takes no reading."""
        return self._masks.n_tracks

    def masks_at(self, frame: int) -> FrameMasks:
        """The masks of tracks on a frame, ordered by region; IndexError if there is no such frame."""
        return FrameMasks.of(self._masks.masks_at(frame), self.frame_rgb)

    def frame_rgb(self, frame: int) -> UInt8[np.ndarray, "h w 3"]:
        """The picture of a frame, in the size of the masks.

        Raises:
            InputError: the input is missing, or is another one; `overseg.open` takes its present path.
        """
        if self._pictures is None:
            raise InputError(f"{self.path} holds masks and no pictures: open it with overseg.open, which finds them")
        return self._pictures.rgb(self, frame)

    def tracks_at(self, frame: int, x: float, y: float) -> Int32[np.ndarray, " k"]:
        """The tracks under a pixel of a frame, the smallest mask first; none outside the picture.

        Args:
            frame: number of the frame; IndexError if there is no such frame.
            x: in pixels of the masks, to the right.
            y: likewise, down.
        """
        masks = self.masks_at(frame)
        left, top, right, bottom = masks.boxes_xyxy.T
        near = masks.take((left <= x) & (x < right) & (top <= y) & (y < bottom))
        under = near.take(near.rles.to_masks()[:, int(y), int(x)]) if len(near) else near
        return under.track[np.argsort(under.rles.area_px(), kind="stable")]

    def rows_at(self, frame: int) -> StoredRows:
        """All rows of a frame, ordered by region, including those without a track, such as duplicates."""
        return self._masks.rows_at(frame)

    def outline_at(self, frame: int) -> Outline:
        """All rows of a frame without their masks, ordered by region, including those without a track."""
        return self._masks.outline_at(frame)

    def region_tracks(self) -> tuple[Int64[np.ndarray, " r"], Int32[np.ndarray, " r"]]:
        """The regions with a mask in a track, ascending, and the track of each."""
        regions, tracks = self._once("region_tracks", lambda: region_tracks(self._folder))
        return regions, tracks if self.changes is None else self.changes.tracks_of(keyframe_of(regions), tracks)

    def masks_of(self, track: int) -> FrameMasks:
        """The masks of a track, ordered by frame; IndexError if there is no such track."""
        return FrameMasks.of(self._masks.masks_of(track), self.frame_rgb)

    def place_of(self, track: int) -> tuple[Int32[np.ndarray, " n"], Int8[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
        """The frame, source and score of each mask of a track, by frame; reads no masks."""
        return self._masks.place_of(track)

    def regions_of(self, track: int) -> Int64[np.ndarray, " n"]:
        """The regions of the stored masks of a track; reads no masks. IndexError if there is no such track."""
        return self._stored.columns(["region"], self._stored.rows_of([track]))["region"]

    def terminations(self, track: int | None = None) -> TrackTerminations:
        """Where and why masklets ended, of all tracks or of one, ordered by (from_frame, region, source).

        Example: the termination reasons of the masklets of track 7, as numbers of `overseg.data.masklets.End`.
            >>> overseg.open("cup.zarr").terminations(track=7).end  # doctest: +SKIP

        Raises:
            IndexError: there is no such track.
        """
        if track is not None:
            self._masks.check_track(track)
        if self.changes is None:
            return read_terminations(self._folder, track)
        rows = read_terminations(self._folder)
        rows = replace(rows, track=self.changes.tracks_of(rows.from_frame.astype(np.int64), rows.track))
        return rows if track is None else rows.take(rows.track == track)

    @cached_property
    def n_ended(self) -> dict[str, int]:
        """Number of masklets by termination reason: clip, gone, small, lost, not_propagated."""
        return count_ends(self._folder)

    @property
    def coverage(self) -> float:
        """Mean over all frames of the share of pixels under at least one mask, in [0, 1]."""
        return float(np.mean(self.frames.covered_px)) / (self.size[0] * self.size[1]) if len(self) else 0.0

    @property
    def depth(self) -> float:
        """Mean number of masks over a covered pixel, averaged over the frames that have one; 0 without any."""
        covered = self.frames.covered_px > 0
        return float(np.mean(self.frames.mask_px[covered] / self.frames.covered_px[covered])) if covered.any() else 0.0

    def __str__(self) -> str:
        return six_lines(self)

    def __repr__(self) -> str:
        return f"<Result {self.path}: {len(self)} frames, {self.tracks.exists.sum()} tracks>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the six lines, and if there are pictures, frames with masks and a contact sheet."""
        return as_html(str(self), self._pictures.overview(self) if self._pictures and len(self) else {})

    endings, looks = Renamed("terminations"), Renamed("appearances")

    def content_hash(self) -> str:
        """sha256 in hex over the columns of all tables. Results with the same identity have the same hash."""
        if self.changes is not None:
            as_found = self.as_found.content_hash()
            return hashlib.sha256(f"{as_found}:{self.changes.digest}".encode()).hexdigest()
        small = {"looks": self.appearances, "tracks": self.tracks, "frames": self.frames, "edges": self.edges}
        return hash_of(self._stored, termination_columns(self._folder), small)

"""Drafts of results, made from visits or from the current result."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from overseg.data.track_names import TrackName
from overseg.data.tracks import Frames, Tracks
from overseg.data.visit import Edges
from overseg.store.columns import to_arrays
from overseg.store.compaction import TrackOf, write_appearances, write_masks, write_terminations
from overseg.store.disk import DiskFolder
from overseg.store.folder import Folder
from overseg.store.integrity import files_in
from overseg.store.mask_table import MaskTable
from overseg.store.mask_writer import write_association
from overseg.store.root import as_json, write_group
from overseg.store.termination_table import write_termination_tracks
from overseg.store.zarr_tables import write_table


class Draft(MaskTable):
    """The masks of a result that is not yet published. `stages.MasksByFrame` reads them to complete the result.

    Attributes:
        path: its folder on the local disk.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        super().__init__(DiskFolder(path), size)
        self.path = path

    def check(self, tracks: Tracks, frames: Frames) -> None:
        """ValueError unless the tables have one row for each track and frame of the draft."""
        if (len(tracks), len(frames)) != (self.n_tracks, self.n_frames):
            raise ValueError(
                f"expected {self.n_tracks} tracks and {self.n_frames} frames, got {len(tracks)} and {len(frames)}"
            )


def compacted(results: Folder, *, parts: Folder, track_of: TrackOf, size: tuple[int, int], n_frames: int) -> Draft:
    """A draft with the rows of visits, sorted by frame; see `ZarrStore.compact`."""
    with _new_draft(results) as path:
        write_masks(path, parts=parts, track_of=track_of, size=size, n_frames=n_frames)
        write_terminations(path, parts=parts, keys=track_of)
        write_appearances(path, parts=parts, keys=track_of)
        write_termination_tracks(path)
    return Draft(path, size)


def reassociated(
    results: Folder, current: str, track: Int32[np.ndarray, " n"], *, n_tracks: int, size: tuple[int, int]
) -> Draft:
    """A draft with the masks of the current result and other tracks; see `ZarrStore.reassociate`."""
    with _new_draft(results) as path:
        for table in ("masks", "endings", "looks"):
            (results / current).copy(table, path)
        write_association(path, track, n_tracks=n_tracks)
        write_termination_tracks(path)
    return Draft(path, size)


def complete(
    draft: Draft,
    *,
    tracks: Tracks,
    frames: Frames,
    edges: Edges,
    summary: dict[str, Any],
    names: Mapping[int, TrackName],
) -> None:
    """Add the other tables, the summary, and the checksums of all files to a draft; see `ZarrStore.publish`."""
    by_frame = np.lexsort((edges.region_to, edges.region_from, edges.frame))
    write_table(draft.path, "tracks", tracks)
    write_table(draft.path, "frames", frames)
    write_table(draft.path, "edges", Edges(**{name: column[by_frame] for name, column in to_arrays(edges).items()}))
    folder = DiskFolder(draft.path)
    attributes = {"summary": as_json(summary), "names": _as_json(names)}
    write_group(folder, attributes | {"files": files_in(folder)})


@contextmanager
def _new_draft(results: Folder) -> Iterator[Path]:
    """Yield a folder with an empty group; it is removed if this block fails."""
    results.clear_drafts()
    try:
        path = results.new_draft()
        write_group(DiskFolder(path), {})
        yield path
    except BaseException:
        results.clear_drafts()
        raise


def _as_json(names: Mapping[int, TrackName]) -> dict[str, dict[str, str]]:
    return {str(track): asdict(name) for track, name in sorted(names.items())}

"""Small visits and results, and how to compare them."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overseg.data.appearances import Appearances
from overseg.data.masklets import End
from overseg.data.masks import APPEARANCE_SIZE, Masks, Source, region_id
from overseg.data.rles import Rles
from overseg.data.terminations import Terminations
from overseg.data.tracks import Frames, Tracks
from overseg.data.visit import Direction, Edges, Frontier, Visit, VisitKey
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import Draft, ZarrStore

SIZE = (12, 16)
STEP = 4


def identity(n_frames: int = 13, **settings: Any) -> dict[str, Any]:
    """Of a run on a video of n_frames, with some settings of no meaning."""
    video = {"name": "toy.mp4", "sha256": "0" * 64, "n_frames": n_frames, "height": 12, "width": 16, "fps": 25.0}
    return {"video": video, "settings": {"step": STEP, "generator": {"name": "toy"}} | settings}


def open_store(path: str | Path, *, overwrite: bool = False, n_frames: int = 13, **settings: Any) -> ZarrStore:
    return ZarrStore.create_or_resume(
        path, identity=identity(n_frames, **settings), provenance={"version": "1"}, size=SIZE, overwrite=overwrite
    )


def random_rles(rng: np.random.Generator, n: int, size: tuple[int, int] = SIZE) -> Rles:
    """Noise, of every density, so that some are empty or long."""
    return Rles.from_masks(rng.random((n, *size)) < rng.random((n, 1, 1)))


def visit(key: VisitKey, n_regions: int = 3) -> Visit:
    """A visit whose content follows from its key alone."""
    rng = np.random.default_rng([key.round, key.start, key.stop, key.direction is Direction.FORWARD])
    forward = key.direction is Direction.FORWARD
    frames = np.arange(key.start, key.stop + 1) if forward else np.arange(key.start + 1, key.stop)
    regions = region_id(key.start if forward else key.stop, key.round, np.arange(n_regions))
    n = len(frames) * n_regions
    masks = Masks(
        rles=random_rles(rng, n),
        frame=np.repeat(frames, n_regions).astype(np.int32),
        region=np.tile(regions, len(frames)),
        source=np.full(n, Source.FORWARD if forward else Source.BACKWARD, np.int8),
        score=rng.random(n, dtype=np.float32),
        stability_score=np.full(n, np.nan, np.float32),
        sam_output=rng.integers(-1, 3, n).astype(np.int8),
        sam_outputs=rng.integers(0, 8, n).astype(np.uint8),
        point_xy=rng.random((n, 2), dtype=np.float32),
    )
    unseen = regions[-1:] + n_regions  # of which nothing was propagated
    propagated = np.concatenate([regions, unseen])
    terminations = Terminations(
        region=propagated,
        source=np.full(len(propagated), Source.FORWARD if forward else Source.BACKWARD, np.int8),
        from_frame=np.full(len(propagated), key.start if forward else key.stop, np.int32),
        last_frame=np.repeat(
            [frames[-1 if forward else 0], key.start if forward else key.stop], [n_regions, len(unseen)]
        ).astype(np.int32),
        end=rng.integers(0, len(End), len(propagated)).astype(np.int8),
    )
    edges = Edges(regions, regions + 1, np.full(n_regions, key.stop, np.int32), np.ones(n_regions, np.float32))
    frontier = Frontier(regions[:1], np.zeros(min(n_regions, 1), np.int8))
    appearances = Appearances(
        region=region_id(key.stop, key.round, np.arange(n_regions if forward else 0)),
        area_px=rng.integers(1, 192, n_regions).astype(np.int32)[: n_regions * forward],
        box_xywh=rng.integers(0, 12, (n_regions * forward, 4)).astype(np.float32),
        appearance=rng.integers(-127, 128, (n_regions * forward, APPEARANCE_SIZE)).astype(np.int8),
    )
    return Visit(key, masks, terminations, edges, frontier, appearances, {"decode": 0.25, "propagate": 1.5})


def visits(n_frames: int = 13, n_regions: int = 3) -> list[Visit]:
    """A whole run: both directions of every clip, and a coarser round over all of it."""
    clips = [(0, start, start + STEP) for start in range(0, n_frames - 1, STEP)] + [(1, 0, n_frames - 1)]
    return [visit(VisitKey(*clip, direction), n_regions) for clip in clips for direction in Direction]


def tracks_of(found: list[Visit], n_tracks: int = 5) -> dict[VisitKey, np.ndarray]:
    """Some tracks, with some rows in none."""
    return {v.key: ((np.arange(len(v.masks)) + v.key.start) % (n_tracks + 1) - 1).astype(np.int32) for v in found}


def tracks_table(n: int) -> Tracks:
    whole, real = np.arange(n, dtype=np.int32), np.linspace(0, 1, n, dtype=np.float32)
    return Tracks(whole, whole + 1, whole + 2, real, real * 100, (whole % 3).astype(np.int8), whole - 1)


def frames_table(n: int) -> Frames:
    whole = np.arange(n, dtype=np.int32)
    return Frames(whole / 25, whole // 10, whole % STEP == 0, whole, whole * 2, whole * 5)


def publish(store: ZarrStore, found: list[Visit], *, final: bool = True) -> Result:
    """Compact and publish these visits of the store."""
    draft = store.compact(tracks_of(found))
    publish_draft(store, draft, found, final=final)
    return open_result(store.path)


def publish_draft(store: ZarrStore, draft: Draft, found: list[Visit], *, final: bool) -> None:
    store.publish(
        tracks=tracks_table(draft.n_tracks),
        frames=frames_table(draft.n_frames),
        edges=Edges.concatenate([v.edges for v in found]),
        summary={"stop_reason": "complete", "seconds": store.seconds()},
        final=final,
    )


def same(a: Any, b: Any) -> bool:
    """Whether two tables hold the same, of the same types, NaN equal to NaN; what is read may be a table with more."""
    if is_dataclass(a):
        shared = next((kind for kind in (type(a), type(b)) if isinstance(a, kind) and isinstance(b, kind)), None)
        return shared is not None and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in fields(shared) if f.compare
        )
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return a == b

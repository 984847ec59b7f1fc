"""Results made of given masks, and objects to hold against them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from overseg.data.masks import KeyframeMasks, Masks
from overseg.data.rles import Rles
from overseg.data.terminations import Terminations
from overseg.data.tracks import Frames, Tracks
from overseg.data.visit import Direction, Edges, Frontier, Visit, VisitKey
from overseg.evaluate.truth import Truth
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import ZarrStore

SIZE = (60, 80)
Scene = list[dict[int, np.ndarray]]  # frame after frame: object or track -> bool [h, w]


def box(top: int, left: int, height: int, width: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[max(top, 0) : top + height, max(left, 0) : left + width] = True
    return mask


def blobs(rng: np.random.Generator, n: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Smooth random masks [n, h, w] with holes and islands, some at the picture's edge."""
    import cv2

    noise = rng.standard_normal((n, *size)).astype(np.float32)
    return np.array([cv2.GaussianBlur(one, (0, 0), 6) > 0.02 for one in noise])


def make_result(path: Path, scene: Scene, *, size: tuple[int, int] = SIZE, shots: list[int] | None = None) -> Result:
    """A final store with these tracks, every frame of which is a keyframe; `shots` are the first frames of shots."""
    n_frames, n_tracks = len(scene), 1 + max((track for frame in scene for track in frame), default=-1)
    rows = [(frame, track, mask) for frame, masks in enumerate(scene) for track, mask in sorted(masks.items())]
    frame = np.array([f for f, _, _ in rows], np.int32)
    track = np.array([t for _, t, _ in rows], np.int32)
    rles = Rles.from_masks(np.array([m for _, _, m in rows], bool).reshape(-1, *size))
    area = rles.area_px()
    made = Masks.from_keyframe(KeyframeMasks.from_rles(rles), frame=0, round_=0)
    masks = replace(made, frame=frame, region=track.astype(np.int64))
    key = VisitKey(0, 0, n_frames - 1, Direction.FORWARD)
    seen = [frame[track == t] for t in range(n_tracks)]
    whole = np.array([area[track == t].mean() for t in range(n_tracks)], np.float32)
    tracks = Tracks(
        first_frame=np.array([at.min() for at in seen], np.int32),
        last_frame=np.array([at.max() for at in seen], np.int32),
        n_frames=np.array([len(at) for at in seen], np.int32),
        mean_score=np.ones(n_tracks, np.float32),
        mean_area_px=whole,
        sam_output=np.full(n_tracks, -1, np.int8),
        part_of=np.full(n_tracks, -1, np.int32),
    )
    is_start = np.isin(np.arange(n_frames), shots or [0])
    covered = [int(np.any([*one.values(), np.zeros(size, bool)], axis=0).sum()) for one in scene]
    frames = Frames(
        timestamp_s=np.arange(n_frames) / 25,
        shot=(np.cumsum(is_start) - 1).astype(np.int32),
        is_keyframe=np.ones(n_frames, bool),
        n_masks=np.array([len(one) for one in scene], np.int32),
        covered_px=np.array(covered, np.int32),
        mask_px=np.bincount(frame, area, n_frames).astype(np.int32),
    )
    identity = {
        "video": {"name": "clip", "sha256": "", "n_frames": n_frames, "height": size[0], "width": size[1], "fps": 25.0},
        "settings": {"start": 0, "end": None, "stride": 1, "resize": None},
    }
    with ZarrStore.create_or_resume(path, identity=identity, provenance={"input": "/none/clip"}, size=size) as store:
        store.commit(Visit(key, masks, Terminations.empty(), Edges.empty(), Frontier.empty()))
        store.compact({key: track})
        store.publish(tracks=tracks, frames=frames, edges=Edges.empty(), summary={}, final=True)
    return open_result(path)


def as_truth(scene: Scene, *, size: tuple[int, int] = SIZE, void: dict[int, np.ndarray] | None = None) -> Truth:
    """All objects of the scene, annotated on all of its frames."""
    numbers = sorted({number for frame in scene for number in frame})
    nowhere = np.zeros(size, bool)
    rows = [
        (at, row, Rles.from_masks(frame.get(number, nowhere)[None]).counts[0])
        for at, frame in enumerate(scene)
        for row, number in enumerate(numbers)
    ]
    return Truth.from_rows(
        map(str, numbers), rows, size, {at: Rles.from_masks(m[None]) for at, m in (void or {}).items()}
    )


def no_progress(done: int, total: int) -> None:
    assert 0 <= done <= total

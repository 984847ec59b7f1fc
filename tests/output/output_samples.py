"""A store of the toy video's true masks, without running anything."""

from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from skimage import data
from toy import NAMES, ToyVideo

from overseg.data.masks import KeyframeMasks, Masks, region_id
from overseg.data.rles import Rles
from overseg.data.terminations import Terminations
from overseg.data.track_names import TrackName
from overseg.data.tracks import Frames, Tracks
from overseg.data.visit import Direction, Edges, Frontier, Visit, VisitKey
from overseg.interchange.importing import import_masks
from overseg.output.video_writer import VideoWriter
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import ZarrStore
from overseg.video.open import open_video

N_FRAMES = 8
UNVISITED = N_FRAMES - 1  # holds no mask
TOY = ToyVideo(N_FRAMES)
SAM_OUTPUTS = (2, 2, 1, 0, -1)  # of the tracks, which are NAMES


def write_toy_video(path: Path) -> Path:
    with VideoWriter(path, fps=12.5, size=TOY.info.size) as writer:
        for frame in range(N_FRAMES):
            writer.write(TOY[frame].rgb)
    return path


def write_toy_images(folder: Path) -> Path:
    folder.mkdir()
    for frame in range(N_FRAMES):
        cv2.imwrite(str(folder / f"{frame}.png"), TOY[frame].rgb[..., ::-1])
    return folder


def toy_masks(frame: int) -> dict[str, np.ndarray]:
    """By name, from the largest to the smallest; the ball has no mask on even frames."""
    masks = TOY.truth(frame) if frame != UNVISITED else {}
    return {name: mask for name, mask in masks.items() if name != "ball" or frame % 2}


def write_store(path: Path, video_path: Path, *, names: dict[int, TrackName] | None = None, **settings: int) -> Result:
    """A finished store of the video at `video_path`, every shape a track with the number it has in NAMES."""
    with open_video(video_path, **settings) as video:
        info, timestamps_s = video.info, video.timestamps_s
    frames = [Masks.from_keyframe(_seen(frame, info.size), frame=frame, round_=0) for frame in range(info.n_frames)]
    masks = Masks.concatenate(frames)
    tracks = np.array([NAMES.index(name) for frame in range(info.n_frames) for name in toy_masks(frame)], np.int32)
    masks = Masks(**{**vars(masks), "region": region_id(0, 0, tracks)})
    visit = Visit(
        VisitKey(0, 0, info.n_frames - 1, Direction.FORWARD),
        masks,
        Terminations.empty(),
        Edges.empty(),
        Frontier.empty(),
    )
    identity = {"video": asdict(info), "settings": settings}
    provenance = {"input": str(video_path.resolve())}
    with ZarrStore.create_or_resume(
        path, identity=identity, provenance=provenance, size=info.size, overwrite=False
    ) as store:
        store.commit(visit)
        store.compact({visit.key: tracks})
        store.publish(
            tracks=_tracks_table(tracks),
            frames=_frames_table(timestamps_s),
            edges=Edges.empty(),
            summary={},
            final=True,
            names=names or {},
        )
    return open_result(path)


def write_panned(folder: Path, n_frames: int = 5) -> tuple[Result, np.ndarray]:
    """A store of a real picture that is panned over, and its masks [frame, 2, h, w]: ragged ones, and thin lines."""
    frames = np.array([data.astronaut()[100:199, 4 * at : 4 * at + 161] for at in range(n_frames)])
    rows, columns = np.mgrid[:99, :161]
    lines = np.broadcast_to((abs(rows - columns) < 2) | (rows % 20 == 0), frames.shape[:3])
    masks = np.stack([frames.mean(axis=3) > 120, lines], axis=1)
    (folder / "masks").mkdir()
    (folder / "images").mkdir()
    for at, (rgb, here) in enumerate(zip(frames, masks, strict=True)):
        cv2.imwrite(str(folder / "images" / f"{at}.png"), rgb[..., ::-1])
        np.savez(folder / "masks" / f"{at}.npz", masks=here, track=np.arange(2))
    store = folder / "panned.zarr"
    return import_masks(folder / "masks", store, format="npz", video=folder / "images"), masks


def _seen(frame: int, size: tuple[int, int]) -> KeyframeMasks:
    shrunk = [
        cv2.resize(mask.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST)
        for mask in toy_masks(frame).values()
    ]
    return KeyframeMasks.from_rles(Rles.from_masks(np.array(shrunk, dtype=bool).reshape(-1, *size)))


def _tracks_table(track_of_row: np.ndarray) -> Tracks:
    n = len(NAMES)
    return Tracks(
        first_frame=np.zeros(n, np.int32),
        last_frame=np.full(n, N_FRAMES - 2, np.int32),
        n_frames=np.bincount(track_of_row, minlength=n).astype(np.int32),
        mean_score=np.ones(n, np.float32),
        mean_area_px=np.ones(n, np.float32),
        sam_output=np.array(SAM_OUTPUTS, np.int8),
        part_of=np.full(n, -1, np.int32),
    )


def _frames_table(timestamps_s: np.ndarray) -> Frames:
    zeros = np.zeros(len(timestamps_s), np.int32)
    return Frames(timestamps_s, zeros, zeros == 0, zeros, zeros, zeros)

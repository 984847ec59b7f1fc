"""A real run on the toy video as a folder of images, and ways to compare what was exported with it."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from toy import ToyVideo, TruthGenerator
from toy_runs import SilentReport

from overseg.associate.overlap import OverlapAssociator
from overseg.data.budget import Budget
from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks, TrackMasks
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.engine.sweep.run import sweep_video
from overseg.propagate.flow import FlowPropagator
from overseg.stages import Stages
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import ZarrStore
from overseg.video.open import open_video

N_FRAMES = 10
VIDEO = ToyVideo(N_FRAMES, cut_at=6)


@dataclass(frozen=True)
class KnownGenerator:
    """The truth a little wrong, with levels, scores and points, as a model has them."""

    truth: TruthGenerator
    keyframe_work: float = 1.0

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        masks = self.truth.generate(keyframe, propagated)
        n = len(masks)
        return replace(
            masks,
            predicted_iou=np.linspace(0.7, 0.99, n, dtype=np.float32),
            sam_output=(np.arange(n) % 3).astype(np.int8),
            sam_outputs=(1 << np.arange(n) % 3 | 1).astype(np.uint8),
            point_xy=np.arange(2 * n, dtype=np.float32).reshape(n, 2) + 0.5,
        )


def write_images(folder: Path) -> Path:
    """The frames of the toy video, named as nobody would number them."""
    folder.mkdir()
    for frame in range(N_FRAMES):
        cv2.imwrite(str(folder / f"shot{frame + 7}.png"), VIDEO[frame].rgb[..., ::-1])
    return folder


def write_result(folder: Path) -> Result:
    """A finished run in `folder`: overlapping masks, made and propagated, of tracks within each other, in two shots."""
    images = write_images(folder / "toy images")
    settings = Settings(step=3, min_area_px=20, generator="hierarchy")
    with open_video(images) as video:
        identity = {"video": asdict(video.info), "settings": asdict(settings)}
        provenance = {"input": str(images), "device": "cpu", "weights": {}}
        with ZarrStore.create_or_resume(
            folder / "toy.zarr", identity=identity, provenance=provenance, size=video.info.size
        ) as store:
            generator = KnownGenerator(TruthGenerator(VIDEO, jitter_px=1))
            stages = Stages(generator, generator, FlowPropagator(min_area_px=20), OverlapAssociator())
            sweep_video(
                video,
                stages,
                store,
                settings=settings,
                budget=Budget(),
                report=SilentReport(),
                since=time.monotonic(),
            )
    return open_result(folder / "toy.zarr")


def by_track(masks: TrackMasks) -> dict[int, bytes]:
    """Run lengths of a frame's masks by track."""
    return dict(zip(masks.track.tolist(), masks.rles.counts, strict=True))


def same_masks(one: Result, other: Result) -> bool:
    """Whether two results have the same masks on the same frames, in the same tracks."""
    return len(one) == len(other) and all(
        by_track(one.masks_at(frame)) == by_track(other.masks_at(frame)) for frame in range(len(one))
    )

"""Runs on the toy video: real engine, real flow, real store; only the generator knows the truth."""

import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from toy import NAMES, TruthGenerator

from overseg.associate.overlap import OverlapAssociator
from overseg.data.budget import Budget
from overseg.data.settings import Settings
from overseg.engine.sweep.run import kept_shots, make_visits, sweep_video
from overseg.engine.sweep.schedule import planned_parts
from overseg.generate.largest_masks import LargestMasks
from overseg.propagate.flow import FlowPropagator
from overseg.stages import MaskRefiner, Stages
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import ZarrStore
from overseg.video.keyframes import Step


class SilentReport:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        self.events.append(stage)

    def event(self, name: str, **facts: str | int | float | None) -> None:
        self.events.append(name)


def run_toy(
    path: Path,
    generator: TruthGenerator,
    *,
    budget: str | None = None,
    step: Step = 5,
    refiner: MaskRefiner | None = None,
    stretch: int | None = None,
    in_parts: bool = False,
) -> Result:
    """Run on the generator's video into the store at `path`; first in parts, the last one first, if wanted."""
    video, stages = generator.video, toy_stages(generator, refiner)
    settings, limits = (
        Settings(step=step, min_area_px=20, stretch=stretch),
        Budget.parse(budget) if budget else Budget(),
    )
    how = {"settings": settings, "report": SilentReport()}
    with ZarrStore.create_or_resume(
        path, identity={"video": asdict(video.info), "step": step}, provenance={}, size=video.info.size
    ) as store:
        if in_parts:
            shots = kept_shots(video, store, step, SilentReport())
            for part in reversed(planned_parts(shots, step, limits, stages, stretch=stretch)):
                make_visits(video, stages, store, part, **how)
        sweep_video(video, stages, store, budget=limits, since=time.monotonic(), ahead=in_parts, **how)
    return open_result(path)


def toy_stages(generator: TruthGenerator, refiner: MaskRefiner | None = None) -> Stages:
    """The stages of `run_toy`."""
    sparse = LargestMasks(replace(generator, keyframe_work=1.5), 4)
    return Stages(generator, sparse, FlowPropagator(min_area_px=20), OverlapAssociator(), refiner, [sparse])


def followed(result: Result, generator: TruthGenerator, name: str) -> tuple[int, float]:
    """The track that agrees best with a shape over its frames, and their mean IoU."""
    n_tracks, n_frames = len(result.tracks), len(result)
    iou = np.zeros((n_tracks, n_frames))
    for frame in range(n_frames):
        truth, masks = generator.video.truth(frame)[name], result.masks_at(frame)
        for track, mask in zip(masks.track, masks.rles.to_masks(), strict=True):
            iou[track, frame] = (truth & mask).sum() / (truth | mask).sum()
    best = int(iou.mean(axis=1).argmax())
    return best, float(iou[best].mean())


def names_of(result: Result, generator: TruthGenerator, track: int) -> list[str]:
    """Frame after frame, the shape that a track's mask agrees with most."""
    names, masks = [], result.masks_of(track)
    for frame, mask in zip(masks.frame.tolist(), masks.rles.to_masks(), strict=True):
        truth = generator.video.truth(frame)
        names.append(max(NAMES, key=lambda name: (truth[name] & mask).sum() / (truth[name] | mask).sum()))
    return names

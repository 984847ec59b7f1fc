"""One store with its video for all tests of the page, and one browser."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import pytest
from in_memory import folder_in_memory
from toy import ToyVideo, TruthGenerator

from overseg.associate.overlap import OverlapAssociator
from overseg.data.settings import Settings
from overseg.video.open import open_video

N_FRAMES = 12
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A folder with a store of twelve frames in two shots, and the pictures that it was made of."""
    folder = tmp_path_factory.mktemp("view")
    video = ToyVideo(N_FRAMES, cut_at=8)
    (folder / "frames").mkdir()
    for frame in range(N_FRAMES):
        cv2.imwrite(str(folder / "frames" / f"{frame:03}.png"), video[frame].rgb[..., ::-1])
    _run(folder / "toy.zarr", folder / "frames", video)
    return folder


def _run(path: Path, frames: Path, toy: ToyVideo) -> None:
    """A run on the folder of frames, with a generator that knows the truth of the toy video."""
    import time

    from toy_runs import SilentReport

    from overseg.data.budget import Budget
    from overseg.engine.sweep.run import sweep_video
    from overseg.generate.largest_masks import LargestMasks
    from overseg.propagate.flow import FlowPropagator
    from overseg.stages import Stages
    from overseg.store.zarr_store import ZarrStore

    generator = TruthGenerator(toy)
    with open_video(frames) as video:
        identity = {"video": {n: v for n, v in asdict(video.info).items() if n != "name"}, "settings": {}}
        provenance = {"input": str(frames), "device": "cpu", "weights": {}}
        with ZarrStore.create_or_resume(path, identity=identity, provenance=provenance, size=video.info.size) as store:
            sweep_video(
                video,
                Stages(
                    generator,
                    LargestMasks(generator, 4),
                    FlowPropagator(min_area_px=20),
                    OverlapAssociator(),
                    None,
                    [LargestMasks(generator, 4)],
                ),
                store,
                settings=Settings(step=5, min_area_px=20),
                budget=Budget(),
                report=SilentReport(),
                since=time.monotonic(),
            )


@pytest.fixture
def store(made) -> Iterator[Path]:
    """A copy of the store, in memory."""
    with folder_in_memory() as folder:
        yield Path(shutil.copytree(made / "toy.zarr", Path(folder) / "toy.zarr"))


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Chromium, started once."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("there is no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()

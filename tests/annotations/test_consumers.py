"""Every command reads every format: the same masks on the same frames."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, disc

from overseg.data.rles import Rles
from overseg.errors import InputError
from overseg.evaluate.run_frames import RunFrames
from overseg.evaluate.truth import read_truth
from overseg.generate.precomputed import PrecomputedGenerator
from overseg.interchange.associating import associate_masks
from overseg.interchange.exporting import export
from overseg.interchange.formats import FORMATS
from overseg.interchange.importing import import_masks
from overseg.prompts.arguments import PromptArguments
from overseg.prompts.prompted_frames import PromptedFrames
from overseg.store.result import Result, open_result
from overseg.video.open import open_video

N_FRAMES, SEEN = 10, (0, 3, 7)
Covered = dict[int, np.ndarray]  # by frame, the pixels under a mask


class Made:
    """Images, a store with a disc on some of them, and its export in each format, made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frames = made.write_frames(folder / "frames", N_FRAMES)
        maps = made.write_maps(folder / "maps", {at: at for at in SEEN})
        self.store = import_masks(maps, folder / "a.zarr", format="davis", video=self.frames)

    def exported(self, format: str) -> Path:
        out = self.folder / format
        if not out.exists():
            export(self.store, out, format=format)
        return out


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("consumers"))


def covered(result: Result) -> Covered:
    return {
        frame: result.masks_at(frame).rles.union().to_masks()[0]
        for frame in range(len(result))
        if result.frames.n_masks[frame]
    }


def imported(source: Path, format: str, given: Made, out: Path) -> Covered:
    return covered(import_masks(source, out, format=format, video=given.frames))


def ground_truth(source: Path, format: str, given: Made, out: Path) -> Covered:
    truth = read_truth(source, RunFrames(given.store))
    seen = truth.rles.area_px() > 0
    return {
        frame: truth.rles.take(np.flatnonzero(seen & (truth.frame == frame))).union().to_masks()[0]
        for frame in np.unique(truth.frame[seen]).tolist()
    }


def associated(source: Path, format: str, given: Made, out: Path) -> Covered:
    associate_masks(source, out, video=given.frames)
    return covered(open_result(out))


def prompted(source: Path, format: str, given: Made, out: Path) -> Covered:
    with open_video(given.frames) as video:
        frames = PromptedFrames.of(video)
        arguments = PromptArguments(prompts=source)
        prompts = arguments.objects(arguments.pointed(frames)[0], video, frames).prompts
    return {
        frame: prompts.rles.take(np.flatnonzero(prompts.frame == frame)).union().to_masks()[0]
        for frame in np.unique(prompts.frame).tolist()
    }


def generated(source: Path, format: str, given: Made, out: Path) -> Covered:
    generator, nothing = PrecomputedGenerator(source, min_area_px=1), Rles.empty(SIZE)
    with open_video(given.frames) as video:
        found = {frame: generator.generate(video[frame], nothing).rles for frame in range(N_FRAMES)}
    return {frame: rles.union().to_masks()[0] for frame, rles in found.items() if len(rles)}


CONSUMERS = {
    "import": imported,
    "eval --gt": ground_truth,
    "associate": associated,
    "track --prompts": prompted,
    "run --masks": generated,
}


def box_of(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.zeros_like(mask)
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box


@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("format", FORMATS)
def test_the_same_masks_on_the_same_frames(consumer: str, format: str, given: Made, tmp_path: Path) -> None:
    read: Callable[[Path, str, Made, Path], Covered] = CONSUMERS[consumer]
    found = read(given.exported(format), format, given, tmp_path / "out.zarr")
    expected = {at: box_of(disc(at)) if format == "mot" else disc(at) for at in SEEN}
    assert list(found) == list(expected)
    for frame, mask in expected.items():
        np.testing.assert_array_equal(found[frame], mask)


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_a_folder_without_masks_is_refused(consumer: str, given: Made, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="in"):
        CONSUMERS[consumer](tmp_path / "in", "davis", given, tmp_path / "out.zarr")

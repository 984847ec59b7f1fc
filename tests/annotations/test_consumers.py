"""Every command reads every format: the same masks on the same frames."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, disc
from PIL import Image

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


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def maps_with_void(folder: Path) -> tuple[Path, str]:
    for at in SEEN:
        pixels = disc(at).astype(np.uint8) * 3
        pixels[:5, :5] = 255
        save(pixels, folder / f"{at:05}.png")
    return folder, "davis"


def maps_of_kitti(folder: Path) -> tuple[Path, str]:
    for at in SEEN:
        pixels = disc(at).astype(np.uint16) * 2001
        pixels[:5, :5] = 10_000
        save(pixels, folder / f"{at:06}.png")
    return folder, "mots"


def jpegs(folder: Path) -> tuple[Path, str]:
    for at in SEEN:
        save(disc(at).astype(np.uint8) * 255, folder / f"{at:05}.jpg")
    return folder, "davis"


def maps_of_two_videos(folder: Path) -> tuple[Path, str]:
    for at in SEEN:
        save(disc(at).astype(np.uint8), folder / "Annotations" / "480p" / "frames" / f"{at:05}.png")
        save(disc(1).astype(np.uint8), folder / "Annotations" / "480p" / "others" / f"{at:05}.png")
    return folder, "davis"


def export_of_cvat_as_coco(folder: Path) -> tuple[Path, str]:
    """With the pictures beside it, which are no masks."""
    made.coco(folder / "annotations" / "instances_default.json", list(SEEN))
    made.write_frames(folder / "images", N_FRAMES)
    return folder, "coco"


def folder_of_an_object(folder: Path) -> tuple[Path, str]:
    for at in SEEN:
        save(disc(at).astype(np.uint8) * 255, folder / "000" / f"{at:05}.png")
    return folder, "sav-png"


def coco_with_a_box_alone(folder: Path) -> tuple[Path, str]:
    """Which is left out, as other annotations have masks."""
    path = made.coco(folder / "a.json", list(SEEN), bbox=[0, 0, 9, 9])
    content = json.loads(path.read_text())
    content["annotations"].append(content["annotations"][0] | {"segmentation": []})
    return made.write_json(path, content), "coco"


def labelme_beside_all_pictures(folder: Path) -> tuple[Path, str]:
    made.write_frames(folder, N_FRAMES)
    return made.labelme(folder, {at: [made.labelme_shape(at)] for at in SEEN}), "labelme"


def label_studio_of_old_versions(folder: Path) -> tuple[Path, str]:
    tasks = [made.task(f"1a2b3c4{at}-{at:05}.jpg", made.brush(at)) for at in reversed(SEEN)]
    return made.write_json(folder / "a.json", [one | {"completions": one.pop("annotations")} for one in tasks]), (
        "label-studio"
    )


def project_of_via(folder: Path) -> tuple[Path, str]:
    return made.via(folder / "via_project.json", list(SEEN), version=2), "via"


def annotations_of_via_1(folder: Path) -> tuple[Path, str]:
    return made.via(folder / "via_region_data.json", list(SEEN), version=1), "via"


def project_of_via_3(folder: Path) -> tuple[Path, str]:
    return made.via(folder / "a.json", list(SEEN), version=3), "via"


def table_of_via(folder: Path) -> tuple[Path, str]:
    return made.via_table(folder / "via.csv", list(SEEN)), "via"


def webps(folder: Path) -> tuple[Path, str]:
    """Without loss, of grey value 3, and void."""
    for at in SEEN:
        pixels = disc(at).astype(np.uint8) * 3
        pixels[:5, :5] = 255
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{at:05}.webp", lossless=True)
    return folder, "davis"


def webps_with_loss(folder: Path) -> tuple[Path, str]:
    for at in SEEN:
        save(disc(at).astype(np.uint8) * 255, folder / f"{at:05}.webp")
    return folder, "davis"


def jpegs_of_an_object(folder: Path) -> tuple[Path, str]:
    for at in SEEN:
        save(disc(at).astype(np.uint8) * 255, folder / "000" / f"{at:05}.jpg")
    return folder, "sav-png"


def keyframes_of_cvat(folder: Path) -> tuple[Path, str]:
    """A track of a frame each, which ends after it, and of a picture's size that follows the task."""
    folder.mkdir()
    shapes = "".join(
        made.cvat_polygon(at + after, frame=at + after, outside=after, keyframe=1) for at in SEEN for after in (0, 1)
    )
    return made.cvat_video(folder / "a.xml", N_FRAMES, shapes), "cvat"


def crowds_without_tracks(folder: Path) -> tuple[Path, str]:
    """Which are left out beside objects."""
    path = made.coco(folder / "a.json", list(SEEN))
    content = json.loads(path.read_text())
    crowd = {key: value for key, value in content["annotations"][0].items() if key != "track_id"} | {"iscrowd": 1}
    content["annotations"].append(crowd | {"id": 99, "segmentation": [[0, 0, 9, 0, 9, 9]]})
    return made.write_json(path, content), "coco"


OTHERS = (
    *(maps_with_void, maps_of_kitti, jpegs, maps_of_two_videos, folder_of_an_object, export_of_cvat_as_coco),
    *(coco_with_a_box_alone, labelme_beside_all_pictures, label_studio_of_old_versions, crowds_without_tracks),
    *(project_of_via, annotations_of_via_1, project_of_via_3, table_of_via),
    *(webps, webps_with_loss, jpegs_of_an_object, keyframes_of_cvat),
)


@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("write", OTHERS, ids=lambda write: write.__name__)
def test_what_other_tools_write_is_the_same_for_every_command(
    consumer: str, write: Callable[[Path], tuple[Path, str]], given: Made, tmp_path: Path
) -> None:
    source, format = write(tmp_path / "in")
    found = CONSUMERS[consumer](source, format, given, tmp_path / "out.zarr")
    assert list(found) == list(SEEN)
    for at, mask in found.items():
        assert (mask & disc(at)).sum() > 0.9 * (mask | disc(at)).sum()


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_a_folder_without_masks_is_refused(consumer: str, given: Made, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="in"):
        CONSUMERS[consumer](tmp_path / "in", "davis", given, tmp_path / "out.zarr")

"""Prompts on several frames: options with a frame each, files that name an image, masks known on some frames."""

from pathlib import Path

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import are_discs, disc

from overseg.api.track import track
from overseg.cli.main import main
from overseg.errors import InputError, SettingsError
from overseg.prompts.arguments import PromptArguments
from overseg.prompts.prompted_frames import PromptedFrames
from overseg.store.result import open_result
from overseg.video.open import open_video

N_FRAMES = 6


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return made.write_frames(tmp_path / "frames", N_FRAMES)


def objects(frames: Path, asked: int | None = None, which: dict | None = None, **given):
    """The prompts by object and frame, and the names."""
    with open_video(frames, **which or {}) as video:
        chosen = PromptedFrames.of(video, asked)
        arguments = PromptArguments(**given)
        found = arguments.objects(arguments.pointed(chosen)[0], video, chosen)
    at = zip(found.prompts.object.tolist(), found.prompts.frame.tolist(), strict=True)
    return list(at), [name.name for name in found.names]


def test_options_may_say_the_frame(frames: Path) -> None:
    given = {"boxes": ["ball@4:1,1,9,9", "ball:1,1,9,9", "cup@2:1,1,9,9"], "points": ["@3:4,4,1"]}
    assert objects(frames, asked=1, **given) == ([(0, 4), (0, 1), (1, 2), (2, 3)], ["ball", "cup", "object"])


def test_a_frame_that_is_not_there(frames: Path) -> None:
    with pytest.raises(SettingsError, match=r"--box ball@6:1,1,9,9: the frames are 0 to 5, not 6"):
        objects(frames, boxes=["ball@6:1,1,9,9"])


def test_two_boxes_of_one_object_on_one_frame(frames: Path) -> None:
    with pytest.raises(InputError, match="has a box or mask already"):
        objects(frames, boxes=["ball@2:1,1,9,9", "ball@2:1,1,8,8"])


def test_a_file_of_one_image_is_of_its_frame(frames: Path, tmp_path: Path) -> None:
    file = made.labelme(tmp_path / "in", {4: [made.labelme_shape(4)]}) / "00004.json"
    assert objects(frames, prompts=file) == ([(0, 4)], ["ball 1"])
    assert objects(frames, asked=1, prompts=file)[0] == [(0, 1)]
    assert objects(frames, which={"start": 2, "stride": 2}, prompts=file)[0] == [(0, 1)]


def test_known_masks_of_frames_that_were_not_chosen(frames: Path, tmp_path: Path) -> None:
    maps = made.write_maps(tmp_path / "maps", {at: at for at in (1, 3, 4)})
    assert objects(frames, which={"start": 1, "stride": 2}, prompts=maps) == ([(0, 0), (0, 1)], ["object 1"])
    with pytest.raises(InputError, match="on the frames that are followed through, found none"):
        objects(frames, which={"start": 5}, prompts=maps)


def test_a_map_of_the_first_frame_with_two_objects(frames: Path, tmp_path: Path) -> None:
    maps = made.write_maps(tmp_path / "maps", {0: 0})
    values = np.asarray(made.Image.open(maps / "00000.png")).copy()
    values[:10, :10] = 7
    made.Image.fromarray(values).save(maps / "00000.png")
    assert objects(frames, prompts=maps / "00000.png") == ([(0, 0), (1, 0)], ["object 1", "object 7"])


def test_known_masks_stay_and_are_propagated_between(frames: Path, tmp_path: Path) -> None:
    """Of a store: the disc is known on frames 0 and 4 and propagated to the others, under its number and name."""
    maps = made.write_maps(tmp_path / "maps", {at: at for at in (0, 4)})
    known = made_store(maps, frames, tmp_path)
    result = track(frames, tmp_path / "b.zarr", prompts=known, step=0, device="cpu")
    for frame in (0, 4):
        np.testing.assert_array_equal(result.masks_at(frame).rles.to_masks()[0], disc(frame))
    assert are_discs(result, list(range(N_FRAMES))) and len(result.tracks) == 1
    assert result.names[0].name == "track 0"


def made_store(maps: Path, frames: Path, folder: Path) -> Path:
    words = ["import", "--format", "davis", str(maps), str(folder / "a.zarr"), "--video", str(frames), "--quiet"]
    assert main(words) == 0
    return Path(open_result(folder / "a.zarr").path)

"""An excerpt of shrunk frames is exported, corrected in another tool, imported onto its own video, and continued."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, are_discs, disc
from PIL import Image

from overseg.cli.main import main
from overseg.interchange.exporting import export
from overseg.interchange.formats import FORMATS
from overseg.interchange.importing import import_masks
from overseg.store.result import Result, open_result

N_FRAMES, EXCERPT, KEPT = 9, {"start": 1, "end": 8}, (2, 5)  # the numbers of frames are those of the video


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.write_frames(tmp_path_factory.mktemp("round") / "frames", N_FRAMES)


@pytest.fixture(scope="module")
def excerpt(frames: Path) -> Result:
    """Frames 1 to 7 of the video, at half of its size, with a disc on each."""
    maps = made.write_maps(frames.parent / "maps", {at: at for at in range(N_FRAMES)})
    return import_masks(
        maps, frames.parent / "excerpt.zarr", format="davis", video=frames, resize=SIZE[1] // 2, **EXCERPT
    )


def test_the_import_of_an_excerpt_has_its_frames_in_their_size(excerpt: Result) -> None:
    assert (len(excerpt), excerpt.size) == (7, (SIZE[0] // 2, SIZE[1] // 2))
    for frame in range(7):
        covered = disc(frame + 1).reshape(excerpt.size[0], 2, excerpt.size[1], 2).mean(axis=(1, 3))
        np.testing.assert_array_equal(excerpt.masks_at(frame).rles.to_masks()[0], covered >= 0.5)


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("mot", "yolo-seg")])
def test_exports_have_the_size_and_the_frames_of_the_video(
    format: str, excerpt: Result, frames: Path, tmp_path
) -> None:
    export(excerpt, tmp_path / "out", format=format)
    again = import_masks(tmp_path / "out", tmp_path / "again.zarr", format=format, video=frames)
    assert (len(again), again.size) == (N_FRAMES, SIZE)
    assert are_nearly_discs(again, range(1, 8))


@pytest.mark.parametrize("format", ["coco", "davis", "label-studio", "cvat"])
def test_on_a_video_file_too(format: str, frames: Path, tmp_path: Path) -> None:
    """Whose frames have no names: an excerpt from frame 1 to the last but one is not one frame off."""
    from overseg.output.video_writer import VideoWriter

    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, 25, SIZE) as writer:
        for at in range(N_FRAMES):
            writer.write(disc(at)[..., None].astype(np.uint8).repeat(3, axis=2) * 200)
    maps = made.write_maps(tmp_path / "maps", {at: at for at in range(N_FRAMES)})
    store = import_masks(maps, tmp_path / "a.zarr", format="davis", video=clip, start=2, end=9)
    export(store, tmp_path / "out", format=format)
    again = import_masks(tmp_path / "out", tmp_path / "again.zarr", format=format, video=clip)
    assert are_discs(again, list(range(2, 9)))


def test_the_size_of_the_run_on_request(excerpt: Result, tmp_path: Path) -> None:
    export(excerpt, tmp_path / "out.json", format="coco", size="processed")
    image = json.loads((tmp_path / "out.json").read_text())["images"][0]
    assert (image["height"], image["width"], image["file_name"], image["frame_index"]) == (30, 50, "00001.png", 1)


def test_pictures_are_those_of_the_user(excerpt: Result, frames: Path, tmp_path: Path) -> None:
    export(excerpt, tmp_path / "out", format="labelme")
    assert (tmp_path / "out" / "00001.png").readlink() == frames / "00001.png"
    export(excerpt, tmp_path / "small", format="labelme", size="processed")
    assert Image.open(tmp_path / "small" / "00001.png").size == (50, 30)


def are_nearly_discs(result: Result, frames: range | tuple[int, ...]) -> bool:
    """Masks that were half as large and back."""
    found = made.areas(result)
    ious = []
    for at in frames:
        mask = result.masks_at(at).rles.union().to_masks()[0]
        ious.append((mask & disc(at)).sum() / (mask | disc(at)).sum())
    return list(found) == list(frames) and min(ious) > 0.9


def corrected_coco(folder: Path) -> None:
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    kept = {image["id"] for image in content["images"] if image["frame_index"] in KEPT}
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] in kept]
    path.write_text(json.dumps(content))


def corrected_cvat(folder: Path) -> None:
    """CVAT leaves out the attributes of ours that a task lacks, and images without shapes."""
    path = folder / "annotations.xml"
    images = re.findall(r"<image .*?</image>", path.read_text(), re.DOTALL)
    kept = [one for one in images if re.search(r'name="0000(\d)', one)[1] in map(str, KEPT)]
    path.write_text(f"<annotations>{''.join(kept)}</annotations>")


def corrected_labelme(folder: Path) -> None:
    for path in folder.glob("*.json"):
        if int(path.stem) not in KEPT:
            path.unlink()


def corrected_label_studio(folder: Path) -> None:
    """Predictions that were accepted become annotations; pictures that were uploaded get a prefix."""
    path = folder / "tasks.json"
    tasks = json.loads(path.read_text())
    for task in tasks:
        number = task["data"].pop("frame_index")
        task["data"]["image"] = f"/data/upload/3/1a2b3c4d-{number:05}.png"
        found = task.pop("predictions")[0]["result"]
        task["annotations"] = [{"result": found}] if number in KEPT else [{"result": [], "was_cancelled": True}]
    path.write_text(json.dumps(tasks))


CORRECTED: dict[str, Callable[[Path], None]] = {
    "coco": corrected_coco,
    "cvat": corrected_cvat,
    "labelme": corrected_labelme,
    "label-studio": corrected_label_studio,
}


@pytest.mark.parametrize("format", CORRECTED)
def test_export_correct_import_continue(format: str, excerpt: Result, frames: Path, tmp_path: Path) -> None:
    out, again, continued = (tmp_path / name for name in ("out", "again.zarr", "continued.zarr"))
    assert main(["export", str(excerpt.path), str(out), "--format", format, "--quiet"]) == 0
    CORRECTED[format](out)
    words = ["--format", format, str(out), str(again), "--video", str(frames), "--quiet"]
    assert main(["import", *words]) == 0
    known = open_result(again)
    assert are_nearly_discs(known, KEPT)
    assert main(["run", str(frames), str(continued), "--from", str(again), "--device", "cpu", "--quiet"]) == 0
    result = open_result(continued)
    assert len(result.tracks) == 1 and list(made.areas(result)) == list(range(N_FRAMES))
    for frame in KEPT:
        assert result.masks_at(frame).rles.counts == known.masks_at(frame).rles.counts
    for frame in range(N_FRAMES):
        mask = result.masks_at(frame).rles.to_masks()[0]
        assert (mask & disc(frame)).sum() / (mask | disc(frame)).sum() > 0.75, frame


def test_options_that_mean_nothing_with_from(excerpt: Result, frames: Path, tmp_path: Path, capsys) -> None:
    words = ["run", str(frames), str(tmp_path / "b.zarr"), "--from", str(excerpt.path)]
    assert main([*words, "--points-per-side", "8"]) == 2
    assert "--points-per-side has no effect with --from" in capsys.readouterr().err
    assert main([*words, "--budget", "10s"]) == 2
    assert "--budget has no effect with --from" in capsys.readouterr().err


def test_a_store_without_video_is_rendered_on_grey_or_on_a_video_given_later(
    excerpt: Result, frames: Path, tmp_path: Path
) -> None:
    maps = made.write_maps(tmp_path / "maps", {at: at for at in (0, 3)})
    import_masks(maps, tmp_path / "a.zarr", format="davis")
    assert main(["render", str(tmp_path / "a.zarr"), str(tmp_path / "a.png"), "--frame", "1", "--quiet"]) == 0
    assert (np.asarray(Image.open(tmp_path / "a.png")) == 128).all()
    words = ["render", str(tmp_path / "a.zarr"), str(tmp_path / "b.png"), "--frame", "1", "--quiet"]
    assert main([*words, "--video", str(frames)]) == 0
    assert (np.asarray(Image.open(tmp_path / "b.png"))[disc(1)] == 200).all()


def test_a_video_that_the_masks_cannot_be_of(frames: Path, tmp_path: Path, capsys) -> None:
    maps = made.write_maps(tmp_path / "maps", {at: at for at in (0, N_FRAMES)})
    import_masks(maps, tmp_path / "a.zarr", format="davis")
    words = ["render", str(tmp_path / "a.zarr"), str(tmp_path / "a.png"), "--frame", "1", "--video", str(frames)]
    assert main(words) == 1
    assert "are of 10 frames of 100 x 60 px: give the video they are of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("which", "frames_with_masks"),
    [({"start": 2, "end": 6, "stride": 2}, [1]), ({"stride": 5}, [0, 1]), ({"start": 5}, [0])],
)
def test_start_end_and_stride_mean_the_same_as_in_run(
    which: dict[str, int], frames_with_masks: list[int], frames: Path, tmp_path: Path
) -> None:
    """With and without the video; masks are on its frames 0, 4 and 5."""
    maps = made.write_maps(tmp_path / "maps", {at: at for at in (0, 4, 5)})
    for name, more in (("a", {}), ("b", {"video": frames})):
        result = import_masks(maps, tmp_path / f"{name}.zarr", format="davis", **which, **more)
        assert list(made.areas(result)) == frames_with_masks


def test_an_imported_store_is_relinked(tmp_path: Path) -> None:
    """Each disc is an object of its own; they continue each other, but for a square that is elsewhere."""
    (tmp_path / "in").mkdir()
    square = np.zeros(SIZE, bool)
    square[:6, 90:] = True
    for at in range(4):
        shapes = np.stack([disc(at), square]) if at == 2 else disc(at)[None]
        np.savez(tmp_path / "in" / f"{at:05}.npz", masks=shapes, track=np.arange(len(shapes)) + 10 * at)
    import_masks(tmp_path / "in", tmp_path / "a.zarr", format="npz")
    assert len(open_result(tmp_path / "a.zarr").tracks) == 5
    assert main(["relink", str(tmp_path / "a.zarr"), "--quiet"]) == 0
    result = open_result(tmp_path / "a.zarr")
    assert result.tracks.n_frames.tolist() == [4, 1] and result.tracks.first_frame.tolist() == [0, 2]
    assert made.areas(result) == {at: [int(disc(at).sum())] + [60] * (at == 2) for at in range(4)}
    assert main(["relink", str(tmp_path / "a.zarr"), "--reid", "--quiet"]) == 2

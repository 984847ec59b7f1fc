"""Every mask lies on the frame that its picture's name or number says, in every format and for every command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, are_discs, areas, disc

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.placing import place_pictures
from overseg.cli.main import main
from overseg.data.rles import Rles
from overseg.data.source_frames import SourceFrames
from overseg.errors import InputError
from overseg.interchange.importing import import_masks
from overseg.store.result import open_result

AREA_PX = int(disc(0).sum())


def placed(
    names: list[str] | None = None,
    video: SourceFrames | None = None,
    *,
    numbers: list[int] | None = None,
    ids: list[int] | None = None,
    **more: Any,
) -> list[int]:
    """The frames of pictures with these names, stated numbers and ids."""
    n = len(names or numbers or ids or [])
    nothing = PictureMasks(Rles.empty((1, 1)), np.zeros(0, np.int64))
    pictures = tuple(
        Picture(
            f"a.json: images[{at}]",
            names[at] if names else "",
            numbers[at] if numbers else None,
            ids[at] if ids else None,
        )
        for at in range(n)
    )
    return list(
        place_pictures(Annotations(Path("a.json"), (1, 1), pictures, lambda row: nothing, **more), video).frames
    )


TEN = SourceFrames(10)
IMAGES = SourceFrames(4, ("f_7", "f_9", "f_11", "cover"))
FROM_ONE = SourceFrames(3, ("01", "02", "03"))


@pytest.mark.parametrize(
    ("given", "frames"),
    [
        ({"names": ["f_9.json", "x/cover.png"], "video": IMAGES}, [1, 3]),
        ({"names": ["1a2b3c4d-f_9.png", "0123abcd-f_7.png"], "video": IMAGES}, [1, 0]),
        ({"names": ["m11.png", "m7.png"], "video": SourceFrames(3, ("f_7", "f_9", "f_11"))}, [2, 0]),
        ({"names": ["f_9.json", "f_7.json"], "video": IMAGES, "numbers": [0, 1]}, [1, 0]),
        ({"names": ["0.png", "1.png"], "video": SourceFrames(3, ("f_7", "f_9", "f_11"))}, [0, 1]),
        ({"names": ["00.png", "01.png", "02.png"], "video": FROM_ONE}, [0, 1, 2]),
        ({"names": ["cover_png.rf.0a1b2c3d4e5f.jpg", "f_7_jpg.rf.9f8e7d6c5b4a.jpg"], "video": IMAGES}, [3, 0]),
        ({"names": ["f_9_mask.png", "cover_mask.png"], "video": IMAGES}, [1, 3]),
        ({"names": ["C:\\clip\\cover.png"], "video": IMAGES}, [3]),
        ({"names": ["a_3.png", "a_13.png"], "video": SourceFrames(20)}, [3, 13]),
        ({"names": ["00003_leftImg8bit.png", "00007_leftImg8bit.png"], "video": TEN}, [3, 7]),
        ({"names": ["3.png", "7.png"], "video": TEN}, [3, 7]),
        ({"names": ["1.png", "10.png"], "video": TEN}, [0, 9]),
        ({"names": [f"{number}.png" for number in range(1, 10)], "video": TEN}, list(range(9))),
        ({"names": ["1.png", "9.png"], "video": TEN}, [1, 9]),
        ({"names": ["9.png"], "video": TEN}, [9]),
        ({"names": ["a9.jpg", "b7.jpg"], "video": TEN, "numbers": [3, 4]}, [3, 4]),
        ({"names": ["00000.jpg", "00005.jpg"], "ids": [0, 1]}, [0, 5]),
        ({"names": ["a.jpg", "b.jpg"], "ids": [0, 3]}, [0, 3]),
        ({"names": ["f12.jpg", "f17.jpg", "f13.jpg"]}, [0, 5, 1]),
        ({"names": ["f12.jpg", "f17.jpg"], "counts_from_zero": True}, [12, 17]),
        ({"names": ["1690000000123.jpg", "1690000099999.jpg"]}, [0, 1]),
        ({"names": ["a.jpg", "b.jpg"]}, [0, 1]),
        ({"names": ["a.jpg", "b.jpg"], "video": SourceFrames(2)}, [0, 1]),
        ({"numbers": [2, 4]}, [0, 2]),
        ({"names": []}, []),
    ],
)
def test_the_first_way_that_fits_all_pictures_counts(given, frames):
    assert placed(**given) == frames


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"names": ["a/7.png", "b/07.png"], "video": TEN, "counts_from_zero": True},
            r"one file a frame in a.json, got a/7.png and b/07.png",
        ),
        ({"numbers": [3, 3]}, r"got a.json: images\[0\] and a.json: images\[1\]"),
        ({"names": ["10.png"], "video": TEN}, r"images\[0\] is of frame 10, but the video has frames 0 to 9"),
        ({"names": ["a.png"], "video": TEN}, r"a name that ends with a frame's number in a.json: images\[0\]"),
        ({"names": ["9.png"], "video": IMAGES}, "'9.png' has neither the name nor the number of an image"),
        ({"names": ["cover.png", "a.png"], "video": IMAGES}, "'a.png' has neither the name nor the number of an image"),
        (
            {"names": ["02.png", "04.png"], "video": FROM_ONE},
            "'04.png' has neither the name nor the number of an image",
        ),
        ({"names": ["0.png", "9999999.png"], "counts_from_zero": True}, "9999999.png would be frame 9999999"),
    ],
)
def test_pictures_that_fit_no_frame(given, line):
    with pytest.raises(InputError, match=line):
        placed(**given)


def test_a_remark_where_numbers_could_count_from_either():
    nothing = PictureMasks(Rles.empty((1, 1)), np.zeros(0, np.int64))
    pictures = tuple(Picture(f"m/{number}.png", f"{number}.png") for number in (1, 2, 3))
    found = place_pictures(Annotations(Path("m"), (1, 1), pictures, lambda row: nothing), SourceFrames(4))
    assert found.frames == (0, 1, 2) and found.remark is not None
    assert "they are taken to count from 1, so 1.png is the first frame" in found.remark


def davis(folder: Path) -> Path:
    return made.write_maps(folder / "Annotations" / "clip", {at: at for at in (0, 3, 7)}).parents[1]


def labelme(folder: Path) -> Path:
    return made.labelme(folder, {at: [made.labelme_shape(at)] for at in (0, 3, 7)})


def cvat(folder: Path) -> Path:
    folder.mkdir()
    return made.cvat_images(folder / "a.xml", {at: made.cvat_mask(at) for at in (0, 3, 7)}, ids=[0, 1, 2])


def coco_names(folder: Path) -> Path:
    return made.coco(folder / "a.json", [0, 3, 7])


def coco_numbers(folder: Path) -> Path:
    path = made.coco(folder / "a.json", [0, 3, 7])
    content = json.loads(path.read_text())
    for image in content["images"]:
        image["frame_id"] = image["id"] - 7
        image["file_name"] = "".join("abcdefgh"[image["frame_id"]]) + ".jpg"
    return made.write_json(path, content)


def label_studio(folder: Path) -> Path:
    """The newest first, with the prefixes of uploads."""
    tasks = [made.task(f"1a2b3c4{at}-{at:05}.jpg", made.brush(at)) for at in (7, 3, 0)]
    return made.write_json(folder / "tasks.json", tasks)


def youtube_vis(folder: Path) -> Path:
    masks = [{"size": list(SIZE), "counts": Rles.from_masks(disc(at)[None]).counts[0].decode()} for at in (0, 3, 7)]
    video = {"id": 1, "height": SIZE[0], "width": SIZE[1], "file_names": [f"clip/{at:05}.jpg" for at in (0, 3, 7)]}
    annotations = [{"id": 1, "video_id": 1, "segmentations": masks}]
    return made.write_json(folder / "a.json", {"videos": [video], "annotations": annotations})


def npz(folder: Path) -> Path:
    folder.mkdir()
    for at in (0, 3, 7):
        np.savez(folder / f"{at:05}.npz", masks=disc(at)[None], level=np.array([2]))
    return folder


SPARSE = {
    "davis": davis,
    "labelme": labelme,
    "cvat": cvat,
    "coco": coco_names,
    "coco by frame_id": coco_numbers,
    "label-studio": label_studio,
    "youtube-vis": youtube_vis,
    "npz": npz,
}


@pytest.mark.parametrize("name", SPARSE)
def test_gaps_stay_empty(name, tmp_path):
    """With and without the video; frames 0, 3 and 7 of 10 have a mask."""
    source, format = SPARSE[name](tmp_path / "in"), name.split()[0]
    alone = import_masks(source, tmp_path / "alone.zarr", format=format)
    assert len(alone) == 8 and are_discs(alone, [0, 3, 7])
    frames = made.write_frames(tmp_path / "frames", 10)
    if name != "coco by frame_id":
        on_video = import_masks(source, tmp_path / "on_video.zarr", format=format, video=frames)
        assert len(on_video) == 10 and are_discs(on_video, [0, 3, 7])


@pytest.mark.parametrize("name", ["davis", "cvat", "coco", "youtube-vis", "label-studio", "npz", "labelme"])
def test_ground_truth_is_on_the_same_frames(name, tmp_path, capsys):
    """The same files, given to `eval` against their own import."""
    source = SPARSE[name](tmp_path / "in")
    frames = made.write_frames(tmp_path / "frames", 10)
    import_masks(source, tmp_path / "a.zarr", format=name, video=frames)
    assert main(["eval", str(tmp_path / "a.zarr"), "--gt", str(source), "--json", "--quiet"]) == 0
    objects = json.loads(capsys.readouterr().out)["ground_truth"]["objects"]
    assert all(one["n_seen"] >= 1 and one["union_j"] == 1 for one in objects)


def test_ground_truth_of_a_store_without_video(tmp_path, capsys):
    """Its input is a folder of maps, fewer than it has frames."""
    source = made.write_maps(tmp_path / "clip", {at: at for at in (0, 3, 7)})
    import_masks(source, tmp_path / "a.zarr", format="davis")
    assert main(["eval", str(tmp_path / "a.zarr"), "--gt", str(source), "--json", "--quiet"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["ground_truth"]["objects"]
    assert (one["n_seen"], one["union_j"]) == (3, 1)


@pytest.fixture
def in_folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


RUN = ("run", "frames", "out.zarr", "--generator", "precomputed", "--masks", "masks", "--propagator", "none")


def test_precomputed_masks_lie_on_the_images_of_their_names(in_folder):
    made.write_frames(in_folder / "frames", 6, first=1)
    made.write_maps(in_folder / "masks", {frame + 1: frame for frame in range(6)})
    assert main([*RUN, "--step", "1", "--quiet"]) == 0
    assert are_discs(open_result("out.zarr"), list(range(6)))


def test_precomputed_masks_count_the_frames_of_the_input(in_folder):
    made.write_frames(in_folder / "frames", 8)
    made.write_maps(in_folder / "masks", {frame: frame for frame in range(8)})
    assert main([*RUN, "--step", "1", "--start", "3", "--stride", "2", "--quiet"]) == 0
    result = open_result("out.zarr")
    found = [result.masks_at(frame).rles.boxes_xywh()[0, 0] for frame in range(len(result))]
    assert found == [np.flatnonzero(disc(frame).any(axis=0))[0] for frame in (3, 5, 7)]


def test_precomputed_masks_that_are_not_used_are_told(in_folder, capsys):
    made.write_frames(in_folder / "frames", 8)
    made.labelme(
        in_folder / "masks", {at: [made.labelme_shape(at), made.labelme_shape(at, "line")] for at in (0, 3, 5)}
    )
    assert main([*RUN, "--step", "5"]) == 0
    told = capsys.readouterr().err
    assert "masks of 1 of 3 pictures are not used" in told and "left out 2 lines" in told
    assert main([*RUN, "--step", "5", "--start", "1", "--end", "5", "--overwrite"]) == 1
    assert "the result has no masks; masks: the masks of 3 of 3 pictures are not used" in capsys.readouterr().err
    assert main([*RUN, "--step", "1", "--start", "1", "--end", "3", "--overwrite"]) == 1
    assert "no masks are on the frames of the run; masks: the masks of 3" in capsys.readouterr().err
    made.write_maps(in_folder / "far", {100: 0, 105: 1})
    assert main([*RUN, "--masks", "far", "--overwrite"]) == 1
    assert "2 of 2 pictures are of frames after the last one of the input, 7, such as 100" in capsys.readouterr().err


def test_precomputed_masks_of_one_of_several_videos(in_folder, capsys):
    made.write_frames(in_folder / "frames", 8)
    path = youtube_vis(in_folder / "masks.json")
    content = json.loads(path.read_text())
    content["videos"].append({**content["videos"][0], "id": 2, "file_names": ["other/00000.jpg"]})
    made.write_json(path, content)
    run = [*RUN, "--step", "1", "--quiet", "--masks", str(path)]
    assert main(run) == 1
    assert "name one of clip, other" in capsys.readouterr().err
    assert main([*run, "--video-name", "clip"]) == 0
    assert are_discs(open_result("out.zarr"), [0, 3, 7])


def test_associated_masks_that_count_from_one_though_the_last_is_missing(in_folder, capsys):
    from overseg.output.video_writer import VideoWriter

    with VideoWriter("clip.mp4", fps=20, size=SIZE) as writer:
        for _ in range(8):
            writer.write(np.zeros((*SIZE, 3), np.uint8))
    made.write_maps(in_folder / "masks", {frame + 1: frame for frame in range(7)})
    assert main(["associate", "masks", "out.zarr", "--video", "clip.mp4"]) == 0
    assert are_discs(open_result("out.zarr"), list(range(7)))
    assert "taken to count from 1, so 00001.png is the first frame" in capsys.readouterr().err


def kitti(folder: Path, first: int) -> Path:
    folder.mkdir()
    lines = [
        f"{first + at} 1003 1 {SIZE[0]} {SIZE[1]} {Rles.from_masks(disc(at)[None]).counts[0].decode()}"
        for at in (0, 1, 2, 4)
    ]
    (folder / "0002.txt").write_text("\n".join(lines))
    return folder / "0002.txt"


@pytest.mark.parametrize("first", [0, 1])
def test_kitti_mots(first, tmp_path):
    result = import_masks(kitti(tmp_path / "in", first), tmp_path / "a.zarr", format="mots")
    assert len(result) == 5 and len(result.tracks) == 1 and are_discs(result, [0, 1, 2, 4])


def test_sa_v_has_every_fourth_frame(tmp_path):
    masks = [[{"size": list(SIZE), "counts": Rles.from_masks(disc(at)[None]).counts[0].decode()}] for at in (0, 4)]
    content = {"video_frame_count": 7, "video_height": SIZE[0], "video_width": SIZE[1]}
    source = made.write_json(tmp_path / "a.json", {**content, "masklet_id": [3], "masklet": masks})
    result = import_masks(source, tmp_path / "a.zarr", format="sav-json")
    assert len(result) == 7 and are_discs(result, [0, 4])


def test_one_of_several_videos(tmp_path):
    path = youtube_vis(tmp_path / "in")
    content = json.loads(path.read_text())
    content["videos"].append({**content["videos"][0], "id": 2, "file_names": ["other/00000.jpg"]})
    content["annotations"].append({"id": 2, "video_id": 2, "segmentations": [None]})
    made.write_json(path, content)
    with pytest.raises(InputError, match=r"expected one video in .*, got 2: name one of clip, other"):
        import_masks(path, tmp_path / "a.zarr", format="youtube-vis")
    with pytest.raises(InputError, match="called 'x', got 2 with other names: name one of clip, other"):
        import_masks(path, tmp_path / "a.zarr", format="youtube-vis", video_name="x")
    result = import_masks(path, tmp_path / "b.zarr", format="youtube-vis", video_name="clip")
    assert are_discs(result, [0, 3, 7])
    words = ["import", str(path), str(tmp_path / "c.zarr"), "--format", "youtube-vis", "--video-name", "clip"]
    assert main([*words, "--quiet"]) == 0
    assert are_discs(open_result(tmp_path / "c.zarr"), [0, 3, 7])


def test_maps_by_level_of_earlier_versions(tmp_path):
    for name in ("level_0", "depth_1"):
        made.write_maps(tmp_path / "in" / name, {at: at for at in (0, 3)}, value=1 + int(name[-1]))
    result = import_masks(tmp_path / "in", tmp_path / "a.zarr", format="id-maps")
    assert areas(result) == {at: [AREA_PX, AREA_PX] for at in (0, 3)}

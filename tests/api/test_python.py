"""The package in Python: its names, typed arguments, and results that print and show themselves."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.cli_samples import SIZE, picture, write_folder
from PIL import Image

import overseg
from overseg.api.arguments import checked_arguments
from overseg.cli.main import main
from overseg.errors import InputError, OversegError, SettingsError

NO_WEIGHTS = {"preset": "no-weights", "device": "cpu"}
FLOW = {"propagator": "flow", "step": 0, "device": "cpu"}
NAMES = (
    *("run", "track", "open", "render", "evaluate", "export", "import_masks"),
    *("associate", "segment", "autotrack", "relink", "check", "repair"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with six small pictures and their store."""
    folder = tmp_path_factory.mktemp("made")
    overseg.run(write_folder(folder / "images", 6), folder / "out.zarr", step=5, **NO_WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def result(made):
    return overseg.open(made / "out.zarr")


@pytest.fixture(scope="module")
def followed(made):
    """The bright square and the dark one in it, followed from arrays."""
    squares = np.zeros((2, *SIZE), bool)
    squares[0, 10:34, 10:34] = squares[1, 16:28, 16:28] = True
    given = [overseg.Mask("bright", squares[0]), overseg.Mask("dark", squares[1])]
    return overseg.track(made / "images", made / "followed.zarr", masks=given, **FLOW)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_a_function_with_an_example(name):
    function = getattr(overseg, name)
    assert callable(function) and name in overseg.__all__
    assert ">>> " in function.__doc__


def test_functions_keep_their_names_when_the_folders_of_that_name_are_imported():
    import overseg.associate.overlap
    import overseg.evaluate.truth

    assert overseg.associate.__name__ == "associate" and callable(overseg.associate)
    assert overseg.evaluate.__name__ == "evaluate" and callable(overseg.evaluate)


def test_a_result_prints_six_lines(result):
    lines = str(result).splitlines()
    assert len(lines) == 6
    assert lines[0].endswith("out.zarr: images, 6 frames of 64 x 48 px, 1 shot")
    assert lines[1].split() == f"masks {result.frames.n_masks.sum()} on 6 frames, made on 2 keyframes".split()
    assert lines[5].split() == ["left", "undone", "nothing"]
    assert len(repr(result)) < 200


def test_a_notebook_shows_frames_with_their_masks_and_the_contact_sheet(result):
    shown = result._repr_html_()
    pictures = re.findall(r'src="data:image/webp;base64,([^"]+)"', shown)
    assert len(pictures) == 2
    for encoded in pictures:
        rgb = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB"))
        assert rgb.shape[1] > 900 and len(np.unique(rgb.reshape(-1, 3), axis=0)) > 100
    assert "out.zarr: images" in shown


def test_a_result_whose_video_is_missing_still_shows_itself(made, tmp_path):
    images = write_folder(tmp_path / "moved", 2)
    overseg.run(images, tmp_path / "out.zarr", **NO_WEIGHTS)
    images.rename(tmp_path / "elsewhere")
    missing = overseg.open(tmp_path / "out.zarr")
    assert "data:image/webp" in missing._repr_html_()
    with pytest.raises(InputError, match="give its present path"):
        missing.frame_rgb(0)
    found = overseg.open(tmp_path / "out.zarr", video=tmp_path / "elsewhere")
    assert (found.frame_rgb(1) == picture(1)).all()


def test_masks_print_ten_rows_and_can_be_read_one_by_one(result):
    masks = result.masks_at(2)
    assert len(masks) >= 2
    many = masks.take(np.zeros(12, np.int64))
    assert str(many).splitlines()[0] == "12 masks of 64 x 48 px; the first 10 of them:"
    assert len(str(many).splitlines()) == 12 and str(many) == repr(many)
    arrays = masks.rles.to_masks()
    for row, one in enumerate(masks):
        assert (one.array() == arrays[row]).all() and (masks.array(row) == arrays[row]).all()
        assert one.area_px == arrays[row].sum()
        y, x = np.nonzero(arrays[row])
        assert one.box_xyxy == (x.min(), y.min(), x.max() + 1, y.max() + 1) == tuple(masks.boxes_xyxy[row])
    assert (masks.frame_rgb == picture(2)).all()
    assert str(masks.take(np.zeros(0, np.int64))).startswith("0 masks of 64 x 48 px\n")


def test_masks_of_a_track_have_a_picture_if_they_are_of_one_frame(result):
    track = result.masks_of(0)
    assert (track.take(np.array([1])).frame_rgb == picture(int(track.frame[1]))).all()
    with pytest.raises(InputError, match="expected masks of one frame, got 6 frames"):
        _ = track.frame_rgb


def test_tracks_under_a_pixel_the_smallest_first(followed, made, monkeypatch, capsys):
    assert followed.tracks_at(3, 25, 20).tolist() == [1, 0]
    assert followed.tracks_at(3, 14.9, 12).tolist() == [0]
    assert followed.tracks_at(3, -1, 12).tolist() == followed.tracks_at(3, 64, 12).tolist() == []
    monkeypatch.chdir(made)
    assert main(["info", "followed.zarr", "--at", "3,25,20"]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["1 dark", "0 bright"]
    assert main(["info", "followed.zarr", "--at", "6,0,0"]) == 2
    assert "--at takes T,X,Y: a frame from 0 to 5, and a pixel of 64 x 48 px, not '6,0,0'" in capsys.readouterr().err
    assert main(["info", "followed.zarr", "--hash"]) == 0
    assert capsys.readouterr().out == f"{followed.content_hash()}\n"


def test_a_run_of_arrays_is_that_of_the_same_images(result, tmp_path):
    made = overseg.run((picture(number) for number in range(6)), tmp_path / "arrays.zarr", step=5, **NO_WEIGHTS)
    for frame in range(6):
        assert made.masks_at(frame).rles == result.masks_at(frame).rles
    with pytest.raises(InputError, match="made from arrays, which are not kept: give them again as `video`"):
        made.frame_rgb(0)
    frames = np.stack([picture(number) for number in range(6)])
    overseg.render(made, tmp_path / "still.png", frame=0, video=frames)
    assert Image.open(tmp_path / "still.png").size == SIZE[::-1]
    again = overseg.run(list(frames), tmp_path / "arrays.zarr", step=5, **NO_WEIGHTS)
    assert again.content_hash() == made.content_hash()


@pytest.mark.parametrize(
    ("frames", "line"),
    [
        ([], "expected at least one frame, an array of uint8"),
        ([picture(0), "x"], "frame 1: expected an array of uint8 .*, got str"),
        ([picture(0).astype(float)], r"frame 0: expected an array of uint8 .*, got float64 \(48, 64, 3\)"),
        ([picture(0), picture(0)[1:]], "frame 1: expected the size of the first frame"),
    ],
)
def test_frames_that_are_no_pictures_are_refused(frames, line, tmp_path):
    with pytest.raises(InputError, match=line):
        overseg.run(frames, tmp_path / "out.zarr", **NO_WEIGHTS)


def test_pictures_and_videos_are_drawn(result, made, tmp_path):
    drawn = overseg.render(made / "out.zarr", tmp_path / "still.png", frame=2, side_by_side=True)
    assert str(drawn) == f"{tmp_path}/still.png: frame 2, {len(result.masks_at(2))} of {len(result.masks_at(2))} masks"
    assert Image.open(tmp_path / "still.png").size == (128, 48)
    overseg.render(result, tmp_path / "pictures", start=1, end=5, every=2, ids=[0])
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["frame_00001.png", "frame_00003.png"]


def test_objects_are_exported_under_labels(result, tmp_path):
    done = overseg.export(result, tmp_path / "coco", format="coco", labels={0: "square"})
    assert done.n_objects == 1
    read = overseg.import_masks(tmp_path / "coco", tmp_path / "again.zarr", format="coco")
    assert [name.category for name in read.names.values()] == ["square"]
    with pytest.raises(InputError, match="expected the number of a track"):
        overseg.export(result, tmp_path / "no", format="coco", labels={99: "cup"})


def test_a_result_is_evaluated_checked_and_associated(result, made, tmp_path):
    found = overseg.evaluate(result)
    assert f"{result.coverage:.4f}" in str(found)
    assert overseg.check(result) == overseg.check(made / "out.zarr") == []
    overseg.export(result, tmp_path / "masks", format="id-maps")
    (depth, *_) = sorted((tmp_path / "masks").glob("*depth*"))
    assert overseg.associate(depth, tmp_path / "tracks.json").n_masks == result.frames.n_masks.sum()


def test_objects_are_followed_from_typed_prompts(followed, made, tmp_path):
    masks = followed.masks_at(0)
    for row, one in enumerate(masks):
        Image.fromarray(masks.array(row)).save(tmp_path / f"{followed.names[one.track].name}.png")
    words = [f"{name}:{tmp_path / name}.png" for name in ("bright", "dark")]
    same = overseg.track(made / "images", tmp_path / "out.zarr", masks=words, **FLOW)
    assert same.content_hash() == followed.content_hash()


def test_prompts_are_the_same_as_on_the_command_line():
    from overseg.prompts.given import Box, Point
    from overseg.prompts.labelled_points import boxes_of, points_of
    from overseg.prompts.words import parse_box, parse_point

    assert Box("cup", 10, 20, 60.5, 80).pointed().box_xyxy == parse_box("cup:10,20,60.5,80").box_xyxy
    assert Point("cup", 35, 50, label=0).pointed().points == parse_point("cup:35,50,0").points
    assert points_of([Point("cup", 1, 2), "3,4:neg"]).points == ((1, 2, 1), (3.0, 4.0, 0))
    assert [box.name for box in boxes_of(["1,2,3,4 5,6,7,8", Box("cup", 1, 2, 3, 4)])] == [
        "object 1",
        "object 2",
        "cup",
    ]


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: overseg.open(7), r"open\(\): expected path to be text or a path, got 7"),
        (lambda: overseg.run("a", None), r"run\(\): expected output to be text or a path, got None"),
        (lambda: overseg.run("a", "b", overwrite="yes"), r"run\(\): expected overwrite to be True or False, got 'yes'"),
        (lambda: overseg.open("a", vido="b"), r"open\(\): there is no argument 'vido': did you mean video"),
        (lambda: overseg.check("a", colour=1), r"check\(\): there is no argument 'colour': expected some of store"),
        (lambda: overseg.Box("cup", 60, 20, 10, 80), "Box: expected x1 < x2 and y1 < y2"),
        (lambda: overseg.run(5, "b"), r"run\(\): expected input to be text, a path or frames, got 5"),
        (lambda: overseg.run("a", "b", step="x"), "--step takes a whole number"),
        (lambda: overseg.run("a", "b", steps=3), "there is no setting 'steps'"),
        (
            lambda: overseg.run("a", "b", presett="fast"),
            "there is no argument 'presett': did you mean preset",
        ),
        (
            lambda: overseg.export("a", "b", format="coco", labels=[1]),
            "expected labels to be text, a path",
        ),
        (lambda: overseg.run_many(["gone.mp4"], "b", resize=64), "there is no file or folder gone.mp4"),
        (lambda: overseg.run("https://example.com/cup.mp4", "b"), "https://example.com/cup.mp4 is an address"),
        (lambda: overseg.render("a", "b", min_size=3), "there is no option 'min_size'"),
        (lambda: overseg.Point("cup", 1, 2, label=5), "Point: expected the label 1"),
        (lambda: overseg.segment("a", boxes=[overseg.Point("cup", 1, 2)]), "expected a Box, or its text"),
    ],
)
def test_a_wrong_argument_gives_one_line(call, line):
    with pytest.raises(OversegError, match=line) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_a_wrong_prompt_gives_one_line():
    """In a process without the checks of annotations that the tests of this one have."""
    code = """
import numpy, overseg
for cls, values in (
    (overseg.Box, ("cup", "left", 1, 2, 3)),
    (overseg.Box, (3, 1, 2, 3, 4)),
    (overseg.Point, ("cup", 1, None)),
    (overseg.Mask, ("cup", numpy.zeros((3, 3)))),
    (overseg.Mask, ("cup", 5)),
):
    try:
        cls(*values)
    except overseg.OversegError as e:
        print(e)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "Box: expected numbers as in Box(\"cup\", 120, 80, 260, 300), got 'left'",
        "Box: expected a name of 1 to 200 printable characters, got 3",
        'Point: expected numbers as in Point("spoon", 400, 310), got None',
        "Mask: expected a path, or an array of bool [height, width], got float64 (3, 3)",
        "Mask: expected a path, or an array of bool [height, width], got 5",
    ]


def test_a_long_wrong_value_is_cut_in_the_message():
    @checked_arguments
    def takes_a_number(n: int = 0) -> None: ...

    with pytest.raises(SettingsError) as refused:
        takes_a_number("x" * 1000)  # type: ignore[arg-type]
    assert len(str(refused.value)) < 150
    takes_a_number(np.int64(3))  # type: ignore[arg-type]

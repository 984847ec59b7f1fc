"""`overseg export` and `overseg import`, as they are typed."""

import json
import shutil
from pathlib import Path

import pytest
from cli.cli_samples import NO_WEIGHTS, write_folder

from overseg.cli.main import main


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with three pictures, `images`, and their store, `out.zarr`."""
    folder = tmp_path_factory.mktemp("made")
    images = write_folder(folder / "images", 3)
    assert main(["run", str(images), str(folder / "out.zarr"), *NO_WEIGHTS]) == 0
    return folder


@pytest.fixture
def store(made, folder) -> str:
    """Copies of them in the test's folder."""
    for name in ("images", "out.zarr"):
        shutil.copytree(made / name, folder / name)
    return "out.zarr"


def test_out_and_in_again(store, facts, capsys):
    before = facts(store)
    assert main(["export", store, "masks.json", "--format", "coco"]) == 0
    assert capsys.readouterr().out == f"masks.json: coco, 3 frames, {before['tracks']} tracks\n"
    assert main(["import", "masks.json", "again.zarr", "--format", "coco", "--video", "images"]) == 0
    assert f"{before['masks']} masks, {before['tracks']} tracks" in capsys.readouterr().out
    after = facts("again.zarr")
    assert {name: after[name] for name in ("masks", "tracks", "coverage", "depth")} == {
        name: before[name] for name in ("masks", "tracks", "coverage", "depth")
    }
    assert main(["render", "again.zarr", "still.png", "--frame", "1", "--quiet"]) == 0


def test_the_loss_is_printed(store, capsys):
    assert main(["export", store, "davis", "--format", "davis", "--flatten", "depth=0"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("davis: davis, 3 frames, ")
    assert second.startswith("laid over each other, small on top: lost ") and "mask pixels" in second
    assert main(["export", store, "davis", "--format", "davis", "--overwrite", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_filters_and_labels(store, folder, capsys):
    words = [
        "export",
        store,
        "masks.json",
        "--format",
        "coco",
        "--min-length",
        "2",
        "--min-mean-area",
        "10",
        "--end",
        "2",
    ]
    (folder / "labels.csv").write_text("track,category\n0,square\n")
    assert main([*words, "--labels", "labels.csv", "--min-score", "0.0", "--start", "0"]) == 0
    assert capsys.readouterr().out == "masks.json: coco, 2 frames, 1 tracks\n"
    content = json.loads((folder / "masks.json").read_text())
    assert [one["name"] for one in content["categories"]] == ["square"]
    assert {one["track_id"] for one in content["annotations"]} == {1}


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["out", "--format", "gif"], 2, "--format is one of coco, youtube-vis"),
        (["out"], 2, "required: --format"),
        (["out", "--format", "davis", "--flatten", "2"], 2, "--flatten takes depth=N, tracks=N or all, not '2'"),
        (["out", "--format", "coco", "--flatten", "depth=0"], 2, "coco holds all masks"),
        (["out", "--format", "coco", "--sam-output", "big"], 2, "--sam-output is one of subpart, part, whole"),
        (["out", "--format", "coco", "--start", "9"], 2, "--start 9 and --end None leave none of the frames 0 to 2"),
        (["out", "--format", "coco", "--labels", "none.csv"], 1, "expected a table of labels in none.csv"),
        (["images", "--format", "coco"], 1, "exists already"),
        (["images", "--format", "coco", "--overwrite"], 1, "and is not replaced"),
        (["nowhere/out", "--format", "coco"], 1, "cannot write"),
    ],
)
def test_one_clear_line(store, folder, refused, words, code, line):
    before = sorted(folder.iterdir())
    assert line in refused("export", store, *words, code=code)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["none.json", "in.zarr", "--format", "coco"], 1, "found nothing; check the path"),
        (["images", "in.zarr", "--format", "gif"], 2, "--format is one of coco"),
        (["images/1.png", "in.zarr", "--format", "coco"], 1, "expected JSON"),
        (["images", "in.zarr", "--format", "coco"], 1, "cannot read images/annotations.json"),
        (["masks.json", "images", "--format", "coco"], 1, "images is no store and is not replaced"),
        (["masks.json", "in.zarr", "--format", "coco", "--video", "more"], 1, "more has frames of 32 x 24 px, but"),
    ],
)
def test_an_import_that_is_refused(store, folder, refused, words, code, line):
    write_folder(folder / "more", 4, size=(24, 32))
    assert main(["export", store, "masks.json", "--format", "coco", "--quiet"]) == 0
    before = sorted(folder.iterdir())
    assert line in refused("import", *words, code=code)
    assert sorted(folder.iterdir()) == before


def test_the_tree_is_told(store, capsys):
    import overseg

    result = overseg.open(store)
    capsys.readouterr()
    assert main(["info", store, "--tree"]) == 0
    lines = capsys.readouterr().out.splitlines()[-len(result.tracks) :]
    above: dict[int, int] = {}
    for line in lines:
        level, track = (len(line) - len(line.lstrip())) // 2, int(line.split(":")[0])
        assert result.tracks.part_of[track] == above.get(level - 1, -1)
        above = {one: other for one, other in above.items() if one < level} | {level: track}
    assert {int(line.split(":")[0]) for line in lines} == set(range(len(result.tracks)))
    assert main(["info", store, "--tree", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["part_of"] == result.tracks.part_of.tolist()

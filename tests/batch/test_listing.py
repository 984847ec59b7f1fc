"""From what a user gives to the videos of a batch."""

import argparse
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from overseg.batch.listing import list_tasks
from overseg.batch.shard import Shard
from overseg.batch.tasks import Plan, Task
from overseg.data.budget import Budget
from overseg.errors import InputError, SettingsError

REMARKS: list[str] = []


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Makes empty files, and their folders, in the working folder."""
    monkeypatch.chdir(tmp_path)
    REMARKS.clear()

    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("")
        return tmp_path

    return make


def listed(*inputs, known=()):
    return list_tasks([*inputs], known=known, remark=REMARKS.append)


def names(*inputs, known=()):
    return [task.name for task in listed(*inputs, known=known)]


def test_files_folders_and_patterns(files):
    root = files(
        "a/2.mp4", "a/10.MOV", "a/notes.pdf", "a/.hidden.mp4", "b/bear/00.jpg", "b/cat/00.png", "c.mp4", "d.mp4"
    )
    assert names("c.mp4", "a", "b") == ["c", "2", "10", "bear", "cat"]
    assert names("[cd].mp4", "c.mp4") == ["c", "d"], "each video once"
    assert listed("b/bear") == [Task("bear", str(root / "b/bear"))], "a folder of images is one video"
    assert names("**/*.mp4") == ["2", "c", "d"]


def test_stores_and_images_beside_videos_are_left_out(files):
    files("a/cup.mp4", "a/cover.jpg", "a/out/cup.zarr/zarr.json", "a/out/cup.zarr/1.jpg")
    assert names("a") == ["cup"]
    assert len(REMARKS) == 1 and "1 images are left out" in REMARKS[0]


def test_a_link_to_a_folder_above_ends(files):
    root = files("a/b/cup.mp4")
    (root / "a/b/up").symlink_to(root / "a")
    assert names("a") == ["cup"]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["x/cup.mp4", "y/cup.mp4"], ["x-cup.mp4", "y-cup.mp4"]),
        (["x/cup.mp4", "x/cup.mov"], ["cup.mov", "cup.mp4"]),
        (["x/Cup.mp4", "y/cup.mp4", "tin.mp4"], ["tin", "x-Cup.mp4", "y-cup.mp4"]),
        (["x/y-cup.mp4", "x/y/cup.mp4", "z/cup.mp4"], ["y-cup", "y-cup.mp4", "z-cup.mp4"]),
    ],
)
def test_names_never_clash(paths, expected, files):
    files(*paths)
    assert sorted(names(".")) == sorted(expected)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (" a .mp4", "a"),
        (".. a.mp4", "a"),
        ("a\\b.mp4", "a_b"),
        ("a\n\tb.mp4", "a__b"),
        ("x" * 240 + ".mp4", "x" * 200),
        ("ü" * 120 + ".mp4", "ü" * 100),
        ("a\udcff.mp4", "a?"),
    ],
)
def test_a_file_may_have_a_name_that_no_store_can_have(path, name, files):
    files(path)
    assert names(path) == [name]


def test_a_video_keeps_its_name_when_another_comes(files):
    files("x/cup.mp4")
    first = listed("x")
    files("y/cup.mp4", "y/tin.mp4")
    assert names("x", "y", known=first) == ["cup", "cup.mp4", "tin"]


def test_one_video_in_two_parts(files):
    files("cup.mp4")
    Path("list.csv").write_text("input,start,end\ncup.mp4,0,10\ncup.mp4,10,20\n")
    assert [(one.name, one.start) for one in listed("list.csv")] == [("cup", 0), ("cup-2", 10)]


def test_lists(files):
    root = files("v/a.mp4", "v/b.mp4")
    Path("v/plain.txt").write_text("# two\na.mp4\n\nb.mp4\n")
    Path("v/table.csv").write_text("input, name, end\na.mp4, first, 5\nb.mp4,,\n")
    Path("v/lines.jsonl").write_text('{"input": "a.mp4", "start": 3, "prompts": "p.json", "error": "was damaged"}\n')
    a, b = str(root / "v/a.mp4"), str(root / "v/b.mp4")
    assert listed("v/plain.txt") == [Task("a", a), Task("b", b)]
    assert listed("v/table.csv") == [Task("first", a, end=5), Task("b", b)]
    assert listed("v/lines.jsonl") == [Task("a", a, start=3, prompts=str(root / "v/p.json"))]
    Path("v/patterns.txt").write_text("*.mp4\nb.*\n")
    assert listed("v/patterns.txt") == [Task("a", a), Task("b", b)]


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("l.txt", "", "found none"),
        ("l.csv", "path\na.mp4\n", "'path' is unknown"),
        ("l.csv", "input,end\na.mp4\n", "line 2: expected as many values"),
        ("l.csv", "input,end\na.mp4,ten\n", "line 2: end is a whole number"),
        ("l.csv", "input,start,end\na.mp4,4,4\n", "line 2: expected an end after 4"),
        ("l.jsonl", "[]", "line 1: expected a JSON object, got list"),
        ("l.jsonl", '\n{"input": 3}', "line 2: input is text, not 3"),
        ("l.jsonl", '{"name": "x"}', "line 1: expected `input`"),
    ],
)
def test_a_wrong_list_is_refused_with_its_line(name, content, line, files):
    (files() / name).write_text(content)
    with pytest.raises(InputError, match=line):
        listed(name)


@pytest.mark.parametrize("name", ["a/b", ".a", " a", "a\\b"])
def test_a_name_that_no_store_can_have(name, files):
    files("a.mp4")
    Path("l.jsonl").write_text(f'{{"input": "a.mp4", "name": {name!r}}}'.replace("'", '"'))
    with pytest.raises(SettingsError, match="cannot be the name"):
        listed("l.jsonl")


def test_what_is_not_there_is_refused(files):
    files("a.mp4", "empty/notes.pdf")
    for wrong in ("nothing.mp4", "nothing*.mp4", "empty"):
        with pytest.raises(InputError, match=wrong.replace("*", r"\*")):
            listed("a.mp4", wrong)
    Path("l.txt").write_text("a.mp4\nnothing.mp4\n")
    assert names("l.txt") == ["a", "nothing"], "in a list it fails when its turn comes"
    Path("l.txt").write_text("a.mp4\nclip[1].mp4\n")
    assert names("l.txt") == ["a", "clip[1]"], "this may be a name"
    Path("l.txt").write_text("a.mp4\nclip*.mp4\n")
    with pytest.raises(InputError, match=r"no file or folder is like .*clip\*.mp4"):
        listed("l.txt")


def test_two_videos_of_one_name_are_refused(files):
    files("a.mp4", "b.mp4")
    Path("l.csv").write_text("input,name\na.mp4,cup\nb.mp4,Cup\n")
    with pytest.raises(SettingsError, match="the name 'Cup' is given to"):
        listed("l.csv")


def test_every_name_is_in_one_shard():
    shards = [Shard.parse(f"{i}/3") for i in range(3)]
    names = [f"video{i}" for i in range(60)]
    assert [sum(shard.has(name) for shard in shards) for name in names] == [1] * 60
    assert all(5 < sum(map(shard.has, names)) < 35 for shard in shards)
    assert [shards[0].has(name) for name in ("cup", "tin", "bear")] == [False, True, False], "the same on all machines"


@pytest.mark.parametrize("text", ["3/3", "1", "-1/3", "a/b", "0/0"])
def test_wrong_shards(text):
    with pytest.raises(SettingsError, match="--shard takes i/n"):
        Shard.parse(text)


def test_the_command_of_one_video():
    plan = Plan("out/", "fast", Budget(), None, {"step": 10, "reid": False, "min_area_px": 5})
    assert plan.command_of(Task("a", "/v/a b.mp4", end=7)) == (
        "overseg run '/v/a b.mp4' out/a.zarr --preset fast --step 10 --no-reid --min-area 5 --end 7"
    )
    assert plan.command_of(Task("a", "/v/a.mp4", prompts="/p.json")) == (
        "overseg track /v/a.mp4 out/a.zarr --prompts /p.json --no-detections --no-annotated-frames --min-area 5"
    )


@pytest.mark.parametrize("is_tracking", [False, True])
def test_the_command_of_one_video_is_one_that_there_is(is_tracking):
    budget = Budget(max_seconds=90, min_coverage=0.975)
    plan = Plan("s3://b/out", "fast", budget, "2G", {"step": 10, "crop_overlap_ratio": 1 / 3, "resize": 640})
    command = plan.command_of(Task("a", "/v/a b.mp4", start=3, prompts="/p.json" if is_tracking else None), "cuda:1")
    name, *words = shlex.split(command)[1:]
    parser = argparse.ArgumentParser()
    import_module(f"overseg.cli.{name}").add_parser(parser.add_subparsers())
    args = parser.parse_args([name, *words])
    assert (args.input, args.output, args.device) == ("/v/a b.mp4", "s3://b/out/a.zarr", "cuda:1")
    assert (args.start, args.resize, args.feature_cache) == (3, 640, "2G")
    if is_tracking:
        assert args.prompts == "/p.json" and args.outputs is not None, "which a store in a bucket needs"
    else:
        assert Budget.parse(args.budget) == budget and args.crop_overlap_ratio == 1 / 3

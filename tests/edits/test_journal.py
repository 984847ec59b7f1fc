"""The journal of edits survives kills and damage, and follows its run."""

import os
from pathlib import Path

import pytest
from edits.test_edited import account_of, same
from killing import OF_A_DISK, Killing

import overseg
from overseg.cli.main import main
from overseg.edits.editor import Editor
from overseg.edits.journal import JOURNAL
from overseg.edits.reading import done_edits, lost_edits, remarks_of


def two_edits(store: Path) -> None:
    with Editor(store) as editor:
        editor.merge(0, 1)
        editor.drop(2)


def test_killed_at_any_step_the_edits_before_are_kept_and_the_next_can_be_made(store):
    import shutil

    killing = Killing.of(OF_A_DISK)
    steps = killing.steps(two_edits, Path(shutil.copytree(store, store.with_name("whole.zarr"))))
    assert len(steps) >= 4
    for step in steps:
        path = Path(shutil.copytree(store, store.with_name(f"{step}.zarr")))
        killing.kill(two_edits, path, before=step)
        n_kept = len(done_edits(overseg.open(path)))
        with Editor(path) as editor:
            assert len(editor.entries) == n_kept <= 2
            editor.drop(3)
        assert [entry.edit.kind for entry in done_edits(overseg.open(path))] == [*["merge", "drop"][:n_kept], "drop"]


def test_a_line_cut_anywhere_loses_that_edit_alone(store):
    two_edits(store)
    whole = (store / JOURNAL).read_bytes()
    header, first, second = whole.splitlines(keepends=True)
    for n_bytes in (1, len(second) // 2, len(second) - 1):
        (store / JOURNAL).write_bytes(header + first + second[:n_bytes])
        result = overseg.open(store)
        assert [entry.edit.kind for entry in done_edits(result)] == ["merge"] and not remarks_of(result)
    with Editor(store) as editor:
        editor.drop(2)
    assert len(done_edits(overseg.open(store))) == 2


def test_a_flipped_bit_anywhere_is_reported_and_what_is_before_is_kept(store, capsys):
    with Editor(store) as editor:
        for track in range(3):
            editor.drop(track)
    whole = (store / JOURNAL).read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")]
    for at in range(0, len(whole), 97):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        (store / JOURNAL).write_bytes(flipped)
        with pytest.warns(UserWarning, match="is damaged in line"):
            result = overseg.open(store)
        n_before = max(0, sum(end <= at for end in ends) - 1)
        assert [entry.number for entry in done_edits(result)] == list(range(1, n_before + 1))
    assert main(["edit", str(store), "log"]) == 0
    assert "is damaged in line" in capsys.readouterr().err
    with Editor(store) as editor:
        editor.drop(5)
    assert (store / "edits.damaged-0.jsonl").read_bytes() == bytes(flipped)
    assert [entry.number for entry in done_edits(overseg.open(store))] == list(range(1, n_before + 2))


def test_the_edits_of_another_run_are_left_out(store):
    import json

    from overseg.store.folder import METADATA
    from overseg.store.integrity import sealed

    two_edits(store)
    metadata = json.loads((store / METADATA).read_text())
    others = {name: value for name, value in metadata["attributes"].items() if name != "checksum"}
    metadata["attributes"] = sealed(others | {"identity": others["identity"] | {"step": 99}})
    (store / METADATA).write_text(json.dumps(metadata))
    with pytest.warns(UserWarning, match="made for another run"):
        assert not done_edits(overseg.open(store))


def test_edits_are_kept_over_relink_and_those_without_their_tracks_are_listed(carphone, tmp_path, capsys, monkeypatch):
    from cli.cli_samples import NO_WEIGHTS

    monkeypatch.chdir(tmp_path)
    assert main(["run", str(carphone), "out.zarr", *NO_WEIGHTS, "--end", "8", "--step", "3"]) == 0
    before = overseg.open("out.zarr")
    longest = int(before.tracks.n_frames.argmax())
    with before.edit() as editor:
        editor.name(longest, "face")
        editor.drop(*[track for track in range(4) if track != longest])
        edited = account_of(editor.result)
    regions = set(before.regions_of(longest).tolist())
    assert main(["relink", "out.zarr", "--match-iou", "0.9", "--quiet"]) == 0
    relinked = overseg.open("out.zarr")
    assert len(done_edits(relinked)) + len(lost_edits(relinked)) == len(editor.entries)
    for track, name in relinked.names.items():
        assert name.name == "face" and regions & set(relinked.regions_of(track).tolist())
    assert main(["relink", "out.zarr", "--quiet"]) == 0
    assert same(account_of(overseg.open("out.zarr")), edited)
    assert main(["edit", "out.zarr", "log"]) == 0
    assert "name" in capsys.readouterr().out
    assert os.path.exists("out.zarr/edits.jsonl")


def test_a_continued_run_keeps_the_edits(tmp_path):
    from toy import ToyVideo, TruthGenerator
    from toy_runs import run_toy

    path, generator = tmp_path / "toy.zarr", TruthGenerator(ToyVideo(12))
    first = run_toy(path, generator, budget="masks=55")
    track = int(first.tracks.n_frames.argmax())
    regions = set(first.regions_of(track).tolist())
    with Editor(path) as editor:
        editor.name(track, "ball")
    assert run_toy(path, generator).version != first.version
    found = overseg.open(path)
    (named,) = found.names
    assert regions & set(found.regions_of(named).tolist())
    assert len(done_edits(found)) == 1 and not lost_edits(found)

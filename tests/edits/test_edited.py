"""A result with edits shows what a plain account of the same edits shows."""

import numpy as np
import pytest

import overseg
from overseg.edits.editor import Editor
from overseg.edits.reading import tracks_between
from overseg.errors import SettingsError

Account = dict[int, dict[int, np.ndarray]]  # track -> frame -> mask


def account_of(result) -> Account:
    """All masks of a result, read frame by frame."""
    found: Account = {}
    for frame in range(len(result)):
        masks = result.masks_at(frame)
        for track, mask in zip(masks.track.tolist(), masks.rles.to_masks(), strict=True):
            found.setdefault(track, {})[frame] = mask
    return found


def same(one: Account, other: Account) -> bool:
    return one.keys() == other.keys() and all(
        one[track].keys() == other[track].keys() and all((one[track][f] == other[track][f]).all() for f in one[track])
        for track in one
    )


def check_tables(result) -> None:
    """The tables, and the masks by track, are those of the masks by frame."""
    account, tracks = account_of(result), result.tracks
    assert np.flatnonzero(tracks.exists).tolist() == sorted(account)
    for track, masks in account.items():
        frames = sorted(masks)
        assert (tracks.first_frame[track], tracks.last_frame[track]) == (frames[0], frames[-1])
        assert tracks.n_frames[track] == len(frames)
        assert tracks.mean_area_px[track] == pytest.approx(np.mean([masks[f].sum() for f in frames]))
        by_track = result.masks_of(track)
        assert by_track.frame.tolist() == frames and set(by_track.track.tolist()) == {track}
        assert all((mask == masks[f]).all() for f, mask in zip(frames, by_track.rles.to_masks(), strict=True))
        place = by_track.frame, by_track.source, by_track.score
        assert all(map(np.array_equal, result.place_of(track), place))
    for frame in range(len(result)):
        here = [masks[frame] for masks in account.values() if frame in masks]
        assert result.frames.n_masks[frame] == len(here)
        assert result.frames.mask_px[frame] == sum(mask.sum() for mask in here)
        assert result.frames.covered_px[frame] == (np.any(here, axis=0).sum() if here else 0)
    of_region: dict[int, int] = {}
    for frame in range(len(result)):
        masks = result.masks_at(frame)
        for region, track in zip(masks.region.tolist(), masks.track.tolist(), strict=True):
            assert of_region.setdefault(region, track) == track  # exports and imports rely on it
    parents = result.tracks.part_of
    assert all(parents[track] < 0 or tracks.exists[parents[track]] for track in account)
    assert len(result.tree.depth) == len(tracks)  # there is no circle


def some_edit(account: Account, n_tracks: int, editor: Editor, rng: np.random.Generator) -> int:
    """Make a random edit, and do the same to the account; return the number of tracks after it."""
    tracks, shape = sorted(account), (len(editor.result), *editor.result.size)
    one, other = rng.choice(tracks, 2, replace=False).tolist()
    frames = sorted(account[one])
    match rng.choice(["merge", "split", "drop", "correct", "new"]):
        case "merge":
            editor.merge(one, other)
            for frame, mask in account.pop(other).items():
                account[one][frame] = mask | account[one].get(frame, np.zeros_like(mask))
        case "split" if frames[-1] > frames[0]:
            at = int(rng.integers(frames[0] + 1, frames[-1] + 1))
            assert editor.split(one, at=at) == n_tracks
            account[n_tracks] = {f: account[one].pop(f) for f in frames if f >= at}
            return n_tracks + 1
        case "drop" if len(tracks) > 3:
            editor.drop(one)
            del account[one]
        case "correct":
            frame = int(rng.integers(shape[0]))
            mask = rng.random(shape[1:]) > 0.9 if len(frames) < 2 or rng.random() > 0.3 else np.zeros(shape[1:], bool)
            editor.correct(one, {frame: mask})
            account[one].pop(frame, None)
            if mask.any():
                account[one][frame] = mask
            elif not account[one]:
                del account[one]
        case "new":
            masks = {int(f): rng.random(shape[1:]) > 0.9 for f in rng.choice(shape[0], 2, replace=False)}
            assert editor.new(masks) == n_tracks
            account[n_tracks] = masks
            return n_tracks + 1
    return n_tracks


@pytest.mark.parametrize("seed", range(2))
def test_random_edits_show_what_was_done_and_undoing_all_shows_what_was_found(store, seed):
    rng, before = np.random.default_rng(seed), account_of(overseg.open(store))
    account, n_tracks = {track: dict(masks) for track, masks in before.items()}, len(overseg.open(store).tracks)
    with overseg.open(store).edit() as editor:
        for _ in range(10):
            n_tracks = some_edit(account, n_tracks, editor, rng)
        assert same(account_of(editor.result), account)
        check_tables(editor.result)
        reopened = overseg.open(store)
        assert same(account_of(reopened), account)
        check_tables(reopened)
        assert reopened.content_hash() == editor.result.content_hash()
        assert same(account_of(overseg.open(store, as_found=True)), before)
        n_done = len(editor.entries)
        for _ in range(n_done):
            editor.undo()
        assert same(account_of(editor.result), before)
        check_tables(editor.result)
        for _ in range(n_done):
            editor.redo()
        assert same(account_of(editor.result), account)
        with pytest.raises(SettingsError, match="no edit to make again"):
            editor.redo()


def test_the_tracks_with_other_masks_between_two_states_are_known_without_reading_masks(store):
    with overseg.open(store).edit() as editor:
        found = editor.result
        editor.merge(0, 1)
        merged = editor.result
        assert tracks_between(found, merged) == {0, 1} and tracks_between(merged, merged) == set()
        editor.name(2, "cup")
        editor.drop(3)
        assert tracks_between(merged, editor.result) == {3} and tracks_between(found, editor.result) == {0, 1, 3}
        editor.undo()
        assert tracks_between(merged, editor.result) == set()
        assert editor.result.n_tracks == len(editor.result.tracks) == found.n_tracks
        half = editor.split(2, at=int(found.tracks.last_frame[2]))
        assert half == found.n_tracks == editor.result.n_tracks - 1 and tracks_between(editor.result, merged) == {
            2,
            half,
        }


def test_names_follow_merges_and_deleted_tracks_come_back(store):
    with overseg.open(store).edit() as editor:
        editor.name(1, "cup", category="dish")
        editor.merge(0, 1)
        assert {track: (one.name, one.category) for track, one in editor.result.names.items()} == {0: ("cup", "dish")}
        editor.drop(0)
        assert not editor.result.names and not editor.result.tracks.exists[0]
        editor.restore(0)
        assert editor.result.tracks.exists[0]
        editor.drop(0, 2, 2)
        assert not editor.result.tracks.exists[[0, 2]].any()
        editor.undo()
        editor.name(0, "")
        assert not editor.result.names and editor.result.tracks.exists[0]


def test_edited_masks_say_that_a_person_made_them(store):
    from overseg.data.masks import Source

    result = overseg.open(store)
    with result.edit() as editor:
        made = editor.new({3: np.ones(result.size, bool)})
        masks = editor.result.masks_of(made)
    assert masks.source.tolist() == [Source.EDIT] and masks.score.tolist() == [1.0]
    assert editor.result.tracks.part_of[made] == -1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda edit: edit.merge(0), "two or more different tracks"),
        (lambda edit: edit.merge(0, 0), "two or more different tracks"),
        (lambda edit: edit.merge(0, 999), "track 999 is not there"),
        (lambda edit: edit.split(0, at=0), "it can be split from frame 1 on"),
        (lambda edit: edit.restore(0), "track 0 is not deleted"),
        (lambda edit: edit.undo(), "no edit to take back"),
        (lambda edit: edit.correct(0, {}), "masks of 1 to"),
        (lambda edit: edit.correct(0, {99: b""}), "frame 99 is not there"),
        (lambda edit: edit.correct(0, {0: b"zz"}), "other run lengths"),
        (lambda edit: edit.correct(0, {0: np.ones((2, 2), bool)}), "height and width"),
        (lambda edit: edit.new({0: b""}), "at least one mask with a pixel"),
    ],
)
def test_an_edit_that_cannot_be_made_says_why_and_leaves_no_entry(store, wrong, message):
    with overseg.open(store).edit() as editor:
        with pytest.raises(SettingsError, match=message):
            wrong(editor)
        assert not editor.entries


def test_a_second_editor_is_refused(store):
    with overseg.open(store).edit() as editor:
        with pytest.raises(overseg.OversegError, match="another process edits"):
            Editor(store)
        editor.drop(0)
    with Editor(store) as editor:
        assert not editor.result.tracks.exists[0]

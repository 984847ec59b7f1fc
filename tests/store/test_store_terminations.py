"""Terminations of masklets are read back from a result, each with the track of its region."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from store.store_samples import frames_table, open_store, publish, same, tracks_of, tracks_table, visit, visits

from overseg.data.masklets import End, Masklets, PropagatedMasks
from overseg.data.masks import Masks, Source
from overseg.data.rles import Rles
from overseg.data.terminations import Terminations, TrackTerminations
from overseg.data.visit import Direction, Edges, Visit, VisitKey
from overseg.store.result import Result, open_result

N_FRAMES = 13


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with open_store(tmp_path / "out.zarr") as store:
        for v in visits():
            store.commit(v)
        publish(store, visits())
    return tmp_path / "out.zarr"


@pytest.fixture
def result(path: Path) -> Result:
    return open_result(path)


def expected(found: list[Visit], track_of: dict[VisitKey, np.ndarray]) -> TrackTerminations:
    """The terminations of these visits, computed without the store."""
    rows, track = Masks.concatenate([v.masks for v in found]), np.concatenate([track_of[v.key] for v in found])
    order = np.lexsort((rows.source, rows.region, rows.frame))
    track_of_region: dict[int, int] = {}
    for region, one in zip(rows.region[order].tolist(), track[order].tolist(), strict=True):
        if one >= 0:
            track_of_region.setdefault(region, one)
    terminations = Terminations.concatenate([v.terminations for v in found])
    terminations = terminations.take(np.lexsort((terminations.source, terminations.region, terminations.from_frame)))
    tracks = np.array([track_of_region.get(region, -1) for region in terminations.region.tolist()], np.int32)
    return TrackTerminations(track=tracks, **vars(terminations))


def test_every_masklet_has_a_row_with_its_track(result):
    terminations = result.terminations()
    assert same(terminations, expected(visits(), tracks_of(visits())))
    assert len(terminations) == 8 * 4
    assert set(terminations.track.tolist()) >= {-1, 0, 1, 2}
    assert set(terminations.source.tolist()) == {Source.FORWARD, Source.BACKWARD}


def test_masklets_that_ended_at_once_have_a_row(result):
    terminations = result.terminations()
    at_once = terminations.take(terminations.last_frame == terminations.from_frame)
    assert len(at_once) == 8
    assert not np.isin(at_once.region, np.concatenate([v.masks.region for v in visits()])).any()


def test_those_of_a_track(result):
    whole = result.terminations()
    for track in range(len(result.tracks)):
        assert same(result.terminations(track), whole.take(whole.track == track))
        assert set(result.terminations(track=track).region.tolist()) <= set(result.masks_of(track).region.tolist())
    for track in (-1, 5):
        with pytest.raises(IndexError, match=f"a track from 0 to 4, got {track}"):
            result.terminations(track)


def test_counts_by_termination_reason(result):
    ends = result.terminations().end
    assert result.n_ended == {end.name.lower(): int((ends == end).sum()) for end in End}
    assert sum(result.n_ended.values()) == len(ends)


def test_relinking_changes_their_tracks_too(path, result):
    found = visits()
    other = {key: np.where(track < 0, 4, track - 1).astype(np.int32) for key, track in tracks_of(found).items()}
    rows = Masks.concatenate([v.masks for v in found])
    order = np.lexsort((rows.source, rows.region, rows.frame))
    with open_store(path) as store:
        store.reassociate(np.concatenate([other[v.key] for v in found])[order], n_tracks=5)
        tables = {"tracks": tracks_table(5), "frames": frames_table(N_FRAMES), "edges": Edges.empty()}
        before = result.terminations()
        store.publish(**tables, summary={}, final=True)
    after = open_result(path).terminations()
    assert same(after, expected(found, other))
    assert not np.array_equal(after.track, before.track)
    assert same(dataclasses.replace(after, track=before.track), before)


def test_only_of_the_requested_visits(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        for v in visits():
            store.commit(v)
        two = [visits()[2], visits()[5]]
        result = publish(store, two)
    assert same(result.terminations(), expected(two, tracks_of(two)))


def test_a_result_without_any(tmp_path):
    with open_store(tmp_path / "out.zarr", n_frames=1) as store:
        result = publish(store, [])
    assert same(result.terminations(), TrackTerminations(track=np.zeros(0, np.int32), **vars(Terminations.empty())))
    assert result.n_ended == {end.name.lower(): 0 for end in End}


def test_the_hash_sees_them(path, result, tmp_path):
    one = visits()[0]
    ended = dataclasses.replace(one.terminations, end=(one.terminations.end + 1) % len(End))
    with open_store(tmp_path / "other.zarr") as store:
        for v in visits():
            store.commit(dataclasses.replace(v, terminations=ended) if v.key == one.key else v)
        other = publish(store, visits())
    assert other.content_hash() != result.content_hash()


def test_terminations_of_masklets():
    """Backward from frame 8: one reached the clip's start, one ended at once, and one after a frame."""
    prompt, frame = np.array([0, 0, 0, 2], np.int32), np.array([7, 6, 5, 7], np.int32)
    masks = PropagatedMasks(Rles((2, 2), (b"04",) * 4), prompt, frame, np.ones(4, np.float32))
    masklets = Masklets(masks, np.array([End.CLIP, End.GONE, End.SMALL], np.int8))
    terminations = Terminations.of(masklets, regions=np.array([20, 30, 10]), source=Source.BACKWARD, from_frame=8)
    assert terminations.region.tolist() == [10, 20, 30]
    assert terminations.source.tolist() == [Source.BACKWARD] * 3
    assert terminations.from_frame.tolist() == [8, 8, 8]
    assert terminations.last_frame.tolist() == [7, 5, 8]
    assert terminations.end.tolist() == [End.SMALL, End.CLIP, End.GONE]


def test_without_propagated_masks():
    nothing = Masklets(PropagatedMasks.empty((2, 2)), np.zeros(0, np.int8))
    terminations = Terminations.of(nothing, regions=np.zeros(0, np.int64), source=Source.FORWARD, from_frame=8)
    assert same(terminations, Terminations.empty())


def test_the_samples_have_every_reason():
    assert set(np.concatenate([v.terminations.end for v in visits()]).tolist()) == set(End)
    assert visit(VisitKey(0, 4, 8, Direction.FORWARD)).terminations.from_frame.tolist() == [4] * 4

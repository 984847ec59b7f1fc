"""Parts become one sorted result, which is read by frame and by track."""

from dataclasses import replace

import numpy as np
import pytest
import zarr
from store.store_samples import (
    SIZE,
    frames_table,
    open_store,
    publish,
    publish_draft,
    same,
    tracks_of,
    tracks_table,
    visit,
    visits,
)

from overseg.data.masks import Masks, Source, TrackMasks
from overseg.data.rles import Rles
from overseg.data.terminations import Terminations
from overseg.data.track_names import TrackName
from overseg.data.visit import Direction, Edges, Frontier, Visit, VisitKey
from overseg.errors import StoreError
from overseg.store import zarr_tables
from overseg.store.progress import progress
from overseg.store.result import open_result

N_FRAMES = 13


@pytest.fixture
def result(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        for v in visits():
            store.commit(v)
        return publish(store, visits())


def all_rows() -> tuple[Masks, np.ndarray]:
    """Every row of the run and its track, sorted as a result sorts them, made without the store."""
    found, track_of = visits(), tracks_of(visits())
    rows = Masks.concatenate([v.masks for v in found])
    order = np.lexsort((rows.source, rows.region, rows.frame))
    return rows.take(order), np.concatenate([track_of[v.key] for v in found])[order]


def expected(select: np.ndarray) -> TrackMasks:
    rows, track = all_rows()
    kept = rows.take(select)
    return TrackMasks(track=track[select], **{name: getattr(kept, name) for name in vars(kept)})


def test_masks_of_every_frame(result):
    rows, track = all_rows()
    assert len(result) == N_FRAMES
    for frame in range(N_FRAMES):
        assert same(result.masks_at(frame), expected((rows.frame == frame) & (track >= 0)))


def test_masks_of_every_track(result):
    _, track = all_rows()
    for number in range(len(result.tracks)):
        assert same(result.masks_of(number), expected(track == number))


def test_small_tables_and_facts(result):
    edges = Edges.concatenate([v.edges for v in visits()])
    order = np.lexsort((edges.region_to, edges.region_from, edges.frame))
    assert same(result.tracks, tracks_table(5))
    assert same(result.frames, frames_table(N_FRAMES))
    assert same(result.edges.region_from, edges.region_from[order])
    assert same(result.edges.iou, edges.iou[order])
    assert result.summary["stop_reason"] == "complete"
    assert (result.info.size, result.info.n_frames, result.info.n_lost) == (SIZE, N_FRAMES, 0)
    assert result.identity["settings"]["step"] == 4
    assert result.provenance == {"version": "1"}


def test_coverage_and_depth(result):
    frames = frames_table(N_FRAMES)
    assert result.coverage == pytest.approx(frames.covered_px.mean() / (12 * 16))
    assert result.depth == pytest.approx(2.5)  # frame 0 has nothing covered and does not count


@pytest.mark.parametrize("chunk_rows", [7, 64])
def test_rows_that_cross_chunks_and_shards(tmp_path, monkeypatch, result, chunk_rows):
    for module in ("zarr_tables", "mask_writer", "mask_table"):
        for name, value in (("CHUNK_ROWS", chunk_rows), ("RLE_CHUNK_BYTES", 50), ("RLE_SHARD_BYTES", 150)):
            monkeypatch.setattr(f"overseg.store.{module}.{name}", value, raising=False)
    with open_store(tmp_path / "other.zarr") as store:
        for v in visits():
            store.commit(v)
        other = publish(store, visits())
        arrays = [zarr.open_array(other.path / "results/1" / name, mode="r") for name in ("masks/frame", "endings/end")]
    assert [array.chunks for array in arrays] == [(chunk_rows,)] * 2
    assert other.content_hash() == result.content_hash()
    assert all(same(other.masks_at(frame), result.masks_at(frame)) for frame in range(N_FRAMES))
    assert all(same(other.masks_of(track), result.masks_of(track)) for track in range(5))
    assert same(other.terminations(), result.terminations())


def test_the_order_of_commits_does_not_matter(tmp_path, result):
    with open_store(tmp_path / "other.zarr") as store:
        for v in reversed(visits()):
            store.commit(v)
        other = publish(store, visits()[::-1])
    assert other.content_hash() == result.content_hash()


def test_the_hash_sees_every_table(tmp_path, result):
    hashes = {result.content_hash()}
    found = visits()
    with open_store(tmp_path / "other.zarr") as store:
        for v in found:
            store.commit(v)
        for change in range(4):
            track_of = tracks_of(found)
            if change == 0:
                track_of[found[0].key] = track_of[found[0].key][::-1].copy()
            store.compact(track_of)
            tracks, frames, edges = tracks_table(5), frames_table(N_FRAMES), found[0].edges
            tracks.sam_output[0] += change == 1
            frames.covered_px[0] += change == 2
            edges = edges if change < 3 else Edges.empty()
            store.publish(tracks=tracks, frames=frames, edges=edges, summary={}, final=False)
            hashes.add(open_result(store.path).content_hash())
    assert len(hashes) == 5


def test_only_the_requested_visits(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        for v in visits():
            store.commit(v)
        one = visits()[2]
        draft = store.compact({one.key: np.zeros(len(one.masks), np.int32)})
        assert (draft.n_rows, draft.n_tracks, draft.n_frames) == (len(one.masks), 1, N_FRAMES)
        assert same(draft.masks_of(0).rles, one.masks.rles)
        assert len(draft.masks_at(N_FRAMES - 1)) == 0
        with pytest.raises(ValueError, match="a track for each of the 15 rows"):
            store.compact({one.key: np.zeros(3, np.int32)})
        with pytest.raises(KeyError):
            store.compact({VisitKey(9, 0, 1, Direction.FORWARD): np.zeros(3, np.int32)})


@pytest.mark.parametrize("n_visits", [0, 1])
def test_a_result_without_masks(tmp_path, n_visits):
    nothing = Visit(
        VisitKey(0, 0, 0, Direction.FORWARD), Masks.empty(SIZE), Terminations.empty(), Edges.empty(), Frontier.empty()
    )
    with open_store(tmp_path / "out.zarr", n_frames=1) as store:
        if n_visits:
            store.commit(nothing)
        result = publish(store, [nothing] * n_visits)
    assert (len(result), len(result.tracks), len(result.edges)) == (1, 0, 0)
    assert len(result.masks_at(0)) == 0
    assert result.masks_at(0).rles == Rles.empty(SIZE)
    assert len(result.content_hash()) == 64
    assert (result.coverage, result.depth) == (0.0, 0.0)


def test_a_video_without_frames(tmp_path):
    with open_store(tmp_path / "out.zarr", n_frames=0) as store:
        result = publish(store, [])
    assert (len(result), result.coverage, result.depth) == (0, 0.0, 0.0)


@pytest.mark.parametrize("number", [-1, N_FRAMES, 10**6])
def test_numbers_out_of_range(result, number):
    with pytest.raises(IndexError, match=f"a frame from 0 to 12, got {number}"):
        result.masks_at(number)
    with pytest.raises(IndexError, match=f"a track from 0 to 4, got {number}"):
        result.masks_of(number)


def test_a_run_can_be_resumed_from_a_result_that_is_not_final(tmp_path):
    found = visits()
    with open_store(tmp_path / "out.zarr") as store:
        for v in found[:3]:
            store.commit(v)
        first = publish(store, found[:3], final=False)
        assert not first.final
    with open_store(tmp_path / "out.zarr") as store:
        assert store.root.result is not None
        assert not store.final
        assert len(store.committed()) == 3
        for v in found[3:]:
            store.commit(v)
        second = publish(store, found)
        assert store.final
        assert store.committed() == frozenset()
    assert sorted(p.name for p in (tmp_path / "out.zarr").iterdir()) == ["results", "zarr.json"]
    assert sorted(p.name for p in (tmp_path / "out.zarr/results").iterdir()) == ["2", "zarr.json"]
    assert progress(tmp_path / "out.zarr").final
    assert second.content_hash() == open_result(tmp_path / "out.zarr").content_hash()


def test_a_result_that_was_replaced_never_reads_as_zeros(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        for v in visits():
            store.commit(v)
        earlier = publish(store, visits(), final=False)
        publish(store, visits(), final=False)
    for read in (lambda: earlier.masks_at(3), lambda: earlier.masks_of(0), lambda: earlier.edges):
        with pytest.raises(StoreError, match="cannot be read"):
            read()


def test_one_region_propagated_over_one_frame_both_ways_and_in_two_rounds(tmp_path):
    forward = visit(VisitKey(0, 4, 8, Direction.FORWARD))
    same_region = np.full(len(forward.masks), forward.masks.region[0])
    forward = replace(forward, masks=replace(forward.masks, region=same_region))
    backward = replace(
        forward,
        key=VisitKey(0, 4, 8, Direction.BACKWARD),
        masks=replace(forward.masks, source=np.full(len(same_region), Source.BACKWARD, np.int8)),
    )
    coarse = replace(visit(VisitKey(1, 4, 8, Direction.FORWARD)), masks=forward.masks)
    found, n = [coarse, backward, forward], len(same_region)
    track_of = {v.key: np.full(n, number, np.int32) for number, v in enumerate(found)}
    with open_store(tmp_path / "out.zarr") as store:
        for v in found:
            store.commit(v)
        draft = store.compact(track_of)
        assert draft.masks_at(5).source.tolist() == [Source.FORWARD] * 6 + [Source.BACKWARD] * 3
        assert (
            draft.masks_at(5).track.tolist() == [2] * 3 + [0] * 3 + [1] * 3
        )  # equal rows: by the names of their parts


def test_a_final_store_stays_as_it_is(tmp_path, result):
    before = result.content_hash()
    with open_store(result.path) as store:
        assert store.final
        assert store.committed() == frozenset()
        with pytest.raises(ValueError, match="which is final"):
            store.commit(visit(VisitKey(0, 0, 4, Direction.FORWARD)))
    assert open_result(result.path).content_hash() == before


def test_tables_that_do_not_fit_the_draft(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        draft = store.compact({})
        with pytest.raises(ValueError, match="expected 0 tracks and 13 frames, got 1 and 13"):
            store.publish(tracks=tracks_table(1), frames=frames_table(13), edges=Edges.empty(), summary={}, final=True)
        publish_draft(store, draft, [], final=True)


def test_all_arrays_use_codecs_of_the_specification(result):
    arrays = [a for _, a in zarr.open_group(result.path, mode="r").members(max_depth=None) if isinstance(a, zarr.Array)]
    assert len(arrays) == 42
    assert {c.to_dict()["name"] for a in arrays for c in a.metadata.codecs} <= {"bytes", "zstd", "sharding_indexed"}
    assert zarr_tables.RLE_SHARD_BYTES % zarr_tables.RLE_CHUNK_BYTES == 0


def test_tracks_may_have_names(tmp_path):
    names = {3: TrackName("left mouse", "mouse"), 0: TrackName("Maus „links“", "mouse")}
    with open_store(tmp_path / "a") as store:
        for v in visits():
            store.commit(v)
        draft = store.compact(tracks_of(visits()))
        store.publish(
            tracks=tracks_table(draft.n_tracks),
            frames=frames_table(draft.n_frames),
            edges=Edges.empty(),
            summary={},
            final=True,
            names=names,
        )
    assert open_result(tmp_path / "a").names == names


def test_old_names_of_a_results_members_warn_and_work(result):
    with pytest.warns(DeprecationWarning, match=r"Result\.endings is now called terminations"):
        assert same(result.endings(), result.terminations())
    with pytest.warns(DeprecationWarning, match=r"Result\.looks is now called appearances"):
        assert same(result.looks, result.appearances)

"""Figures against ground truth: by hand, by brute force, and by another implementation on the same masks."""

from itertools import chain

import numpy as np
import pytest
from evaluate.made_results import SIZE, Scene, as_truth, blobs, box, make_result, no_progress

from overseg.data.rles import Rles
from overseg.evaluate.boundary import boundary_f
from overseg.evaluate.identity import fragments, switches
from overseg.evaluate.with_truth import recall, with_truth

try:
    from vos_benchmark.evaluator import Evaluator
except ImportError:
    Evaluator = None


@pytest.fixture(scope="module")
def noisy() -> tuple[Scene, Scene]:
    """Objects, one of which is away for a while, and tracks that follow them more or less."""
    rng = np.random.default_rng(1)
    truth = [dict(enumerate(blobs(rng, 3))) for _ in range(7)]
    del truth[3][1], truth[4][1]
    found = []
    for frame in truth:
        tracks = {10 + number: mask ^ (blobs(rng, 1)[0] & blobs(rng, 1)[0]) for number, mask in frame.items()}
        tracks |= {number: np.roll(mask, 3, axis=1) for number, mask in frame.items()}
        found.append({track: mask for track, mask in tracks.items() if rng.random() < 0.9} | {20: blobs(rng, 1)[0]})
    names = sorted(set(chain.from_iterable(found)))
    return truth, [{names.index(track): mask for track, mask in frame.items()} for frame in found]


def by_vos_benchmark(truth: Scene, found: Scene, number: int, track: int) -> tuple[float, float]:
    """J and F of a track with an object, by the public implementation."""
    if Evaluator is None:
        pytest.fail("vos-benchmark is missing: pip install --no-deps vos-benchmark==0.1.0")
    nowhere, evaluator = np.zeros(SIZE, bool), Evaluator()
    evaluator.objects_in_gt.add(1)  # it counts frames from an object's first one on; here all count
    for known, seen in zip(truth, found, strict=True):
        evaluator.feed_frame(seen.get(track, nowhere).astype(np.uint8), known.get(number, nowhere).astype(np.uint8))
    j, f = evaluator.conclude()
    return j[1] / 100, f[1] / 100


def test_j_and_f_are_those_of_vos_benchmark(noisy, tmp_path):
    truth, found = noisy
    result = make_result(tmp_path / "a.zarr", found)
    for number, one in enumerate(with_truth(result, as_truth(truth), progress=no_progress)):
        figures = [by_vos_benchmark(truth, found, number, track) for track in range(len(result.tracks))]
        assert one.best_track_j == pytest.approx(max(j for j, _ in figures), abs=1e-4)
        assert one.best_track_jf == pytest.approx(max((j + f) / 2 for j, f in figures), abs=1e-4)
        assert one.best_track == int(np.argmax([j for j, _ in figures]))
        assert one.best_track_of_jf == int(np.argmax([j + f for j, f in figures]))
        assert 0.2 < one.best_track_j < 0.9


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (box(10, 10, 20, 20), box(12, 11, 20, 20)),
        (box(0, 0, 60, 80), box(0, 0, 60, 80)),
        (box(0, 0, 60, 80), box(10, 10, 5, 5)),
        (box(40, 60, 20, 20), box(41, 60, 19, 20)),
        (box(0, 0, 1, 1), box(0, 0, 1, 2)),
        (box(0, 0, 0, 0), box(5, 5, 3, 3)),
        (box(0, 0, 0, 0), box(0, 0, 0, 0)),
    ],
)
def test_f_of_single_masks_is_that_of_vos_benchmark(one, other):
    expected = by_vos_benchmark([{0: other}], [{0: one}], 0, 0)[1]
    assert boundary_f(*(Rles.from_masks(mask[None]) for mask in (one, other))) == pytest.approx(expected, abs=1e-9)


def test_a_union_is_the_greedy_one(noisy, tmp_path):
    truth, found = noisy
    result = make_result(tmp_path / "a.zarr", found)
    for number, one in enumerate(with_truth(result, as_truth(truth), progress=no_progress)):
        assert one.union_j == pytest.approx(greedy_union_j(truth, found, number), abs=1e-9)
        assert one.union_j >= one.best_track_j


def greedy_union_j(truth: Scene, found: Scene, number: int) -> float:
    """By brute force on pictures."""
    nowhere = np.zeros(SIZE, bool)

    def j(tracks: list[int]) -> float:
        ious = []
        for known, seen in zip(truth, found, strict=True):
            union, mask = np.any([nowhere, *(seen.get(t, nowhere) for t in tracks)], axis=0), known.get(number, nowhere)
            either = (union | mask).sum()
            ious.append((union & mask).sum() / either if either else 1.0)
        return float(np.mean(ious))

    chosen: list[int] = []
    tracks = sorted(set(chain.from_iterable(found)))
    while len(chosen) < 20:
        best = max((t for t in tracks if t not in chosen), key=lambda t: (j([*chosen, t]), -t), default=None)
        if best is None or j([*chosen, best]) <= j(chosen) + 1e-9:
            return j(chosen)
        chosen.append(best)
    return j(chosen)


def test_an_object_in_two_halves_needs_their_union(tmp_path):
    found = [{0: box(10, 10, 20, 10), 1: box(10, 20, 20, 20), 2: box(0, 0, 60, 80)}] * 3
    (one,) = with_truth(
        make_result(tmp_path / "a.zarr", found), as_truth([{5: box(10, 10, 20, 30)}] * 3), progress=no_progress
    )
    assert (one.name, one.best_track, one.n_union, one.union_j) == ("5", 1, 2, 1.0)
    assert one.best_track_j == pytest.approx(2 / 3)


def test_a_track_that_is_cut_in_two_is_a_switch_and_two_fragments(tmp_path):
    mask = box(10, 10, 20, 20)
    found = [{0: mask}, {0: mask}, {}, {1: mask}, {1: mask}]
    (one,) = with_truth(make_result(tmp_path / "a.zarr", found), as_truth([{0: mask}] * 5), progress=no_progress)
    assert (one.switches, one.fragments, one.n_followed, one.n_seen, one.n_frames) == (1, 2, 4, 5, 5)
    assert (one.best_track_j, one.union_j) == (pytest.approx(0.4), pytest.approx(0.8))


@pytest.mark.parametrize(
    ("followed", "n_switches", "n_fragments"),
    [
        ([], 0, 0),
        ([{}], 0, 0),
        ([{1}, {1, 2}, {2}], 1, 2),
        ([{1, 2}, {2, 3}, {3}, {3, 1}], 1, 2),
        ([{1}, {2}, {1}, {2}], 3, 2),
        ([{1, 2}, {}, {2}, {}, {2, 3}], 0, 1),
    ],
)
def test_switches_and_fragments(followed, n_switches, n_fragments):
    frames = [frozenset(tracks) for tracks in followed]
    assert (switches(frames), fragments(frames)) == (n_switches, n_fragments)


def test_undersegmentation_counts_the_smaller_part_of_what_leaks(tmp_path):
    """Of the large mask the small one is cut out; 100 of its pixels are in the object, 500 are not."""
    found = [{0: box(0, 0, 30, 30), 1: box(0, 0, 10, 30)}] * 2
    truth = [{0: box(10, 0, 10, 10)}] * 2
    (one,) = with_truth(make_result(tmp_path / "a.zarr", found), as_truth(truth), progress=no_progress)
    assert one.undersegmentation_error == pytest.approx(100 / 100)
    truth = [{0: box(0, 0, 30, 29)}] * 2
    (one,) = with_truth(make_result(tmp_path / "b.zarr", found), as_truth(truth), progress=no_progress)
    assert one.undersegmentation_error == pytest.approx((10 + 20) / 870)


def test_void_pixels_count_for_nothing(tmp_path):
    mask, void = box(10, 10, 20, 20), box(0, 0, 60, 15)
    result = make_result(tmp_path / "a.zarr", [{0: mask & ~void | box(30, 0, 20, 15)}] * 2)
    (one,) = with_truth(result, as_truth([{0: mask}] * 2, void={0: void, 1: void}), progress=no_progress)
    assert (one.best_track_j, one.best_track_jf, one.union_j, one.undersegmentation_error) == (1.0, 1.0, 1.0, 0.0)
    (one,) = with_truth(result, as_truth([{0: mask}] * 2), progress=no_progress)
    assert one.best_track_j < 0.5


def test_frames_without_the_object_count_as_in_davis(tmp_path):
    mask = box(10, 10, 20, 20)
    found = [{0: mask, 1: mask}, {1: mask}]
    (one,) = with_truth(make_result(tmp_path / "a.zarr", found), as_truth([{7: mask}, {}]), progress=no_progress)
    assert (one.best_track, one.best_track_j, one.best_track_jf, one.union_j) == (0, 1.0, 1.0, 1.0)
    assert (one.n_frames, one.n_seen) == (2, 1)


def test_without_the_ends(tmp_path):
    mask = box(10, 10, 20, 20)
    truth = as_truth([{0: mask}] * 4).without_ends()
    (one,) = with_truth(make_result(tmp_path / "a.zarr", [{}, {0: mask}, {0: mask}, {}]), truth, progress=no_progress)
    assert (one.n_frames, one.best_track_j) == (2, 1.0)
    assert len(as_truth([{0: mask}] * 2).without_ends().frames) == 0


def test_a_result_without_tracks_finds_nothing(tmp_path):
    qualities = with_truth(
        make_result(tmp_path / "a.zarr", [{}, {}]), as_truth([{0: box(1, 1, 5, 5)}] * 2), progress=no_progress
    )
    (one,) = qualities
    assert (one.best_track, one.best_track_j, one.best_track_jf, one.union_j) == (-1, 0.0, 0.0, 0.0)
    assert recall(qualities, 0.5) == 0.0


def test_an_object_that_is_never_seen_is_no_object_to_find(tmp_path):
    mask = box(10, 10, 20, 20)
    result = make_result(tmp_path / "a.zarr", [{0: mask}] * 2)
    truth = as_truth([{0: mask, 1: mask & False}] * 2)
    qualities = with_truth(result, truth, progress=no_progress)
    assert [one.n_seen for one in qualities] == [2, 0]
    assert recall(qualities, 0.5) == 1.0


def test_recall_counts_objects(noisy, tmp_path):
    truth, found = noisy
    qualities = with_truth(make_result(tmp_path / "a.zarr", found), as_truth(truth), progress=no_progress)
    middle = sorted(one.best_track_j for one in qualities)[1]
    assert recall(qualities, middle) == pytest.approx(2 / 3)

"""The measures of the field: against TrackEval and against definitions written out on whole arrays."""

from itertools import permutations

import numpy as np
import pytest
from evaluate.made_results import SIZE, Scene, as_truth, blobs, box, make_result

from overseg.data.rles import Rles
from overseg.evaluate.boundary import boundary_f
from overseg.evaluate.field import field_quality
from overseg.evaluate.owta import OwtaSums


@pytest.fixture(scope="module")
def scenes() -> tuple[Scene, Scene]:
    """Three objects, one of which leaves, and tracks of several qualities that overlap."""
    rng = np.random.default_rng(5)
    truth = [{0: box(5, 5 + t, 20, 20), 1: box(30, 40, 20, 30 - t), 2: box(10, 50, 12, 12)} for t in range(6)]
    del truth[4][2], truth[5][2]
    found = [
        {
            0: np.roll(truth[t][0], 2, axis=0),
            1: truth[t][1],
            2: truth[t][1] ^ (blobs(rng, 1)[0] & truth[t][1]),
            3: box(10, 50 + t, 12, 12),
            4: box(0, 0, 60, 80),
        }
        for t in range(6)
    ]
    del found[0][1]
    return truth, found


@pytest.fixture(scope="module")
def measured(scenes, tmp_path_factory):
    truth, found = scenes
    result = make_result(tmp_path_factory.mktemp("field") / "a.zarr", found)
    return result, field_quality(result, as_truth(truth))


def volume(scene: Scene, number: int) -> np.ndarray:
    """Masks [frames, h, w] of an object or track."""
    return np.array([frame.get(number, np.zeros(SIZE, bool)) for frame in scene])


def test_average_recall_of_tubes(scenes, measured):
    truth, found = scenes
    result, quality = measured
    iou = np.array(
        [
            [
                (volume(truth, o) & volume(found, t)).sum() / (volume(truth, o) | volume(found, t)).sum()
                for t in range(5)
            ]
            for o in range(3)
        ]
    )
    first = int(np.argmax(result.tracks.n_frames))  # all scores are 1: the longest first, then by number
    thresholds = np.linspace(0.5, 0.95, 10)
    assert quality.ar_at_1 == pytest.approx(np.mean([(iou[:, first].max() >= least) / 3 for least in thresholds]))
    best = [
        max(sum(iou[o, t] >= least for o, t in enumerate(p)) for p in permutations(range(5), 3)) / 3
        for least in thresholds
    ]
    assert quality.ar_at_10 == pytest.approx(np.mean(best))
    assert quality.ar_at_100 == quality.ar_at_10 > quality.ar_at_1


def test_davis_unsupervised(scenes, measured):
    truth, found = scenes
    order = sorted(range(5), key=lambda t: volume(found, t).sum() / max(1, volume(found, t).any(axis=(1, 2)).sum()))
    flat, taken = {}, np.zeros((6, *SIZE), bool)
    for track in order:  # the smallest on top
        flat[track] = volume(found, track) & ~taken
        taken |= volume(found, track)
    jf = np.zeros((3, 5))
    for o in range(3):
        for t in range(5):
            for known, seen in zip(volume(truth, o), flat[t], strict=True):
                either = (known | seen).sum()
                j = (known & seen).sum() / either if either else 1.0
                f = boundary_f(Rles.from_masks(known[None]), Rles.from_masks(seen[None]))
                jf[o, t] += (j + f) / 12
    best = max(sum(jf[o, t] for o, t in enumerate(p)) / 3 for p in permutations(range(5), 3))
    assert measured[1].davis_unsupervised_jf == pytest.approx(best)


def test_owta_of_perfect_tracks_is_one_and_half_of_the_detections_make_less(scenes, tmp_path):
    truth, _ = scenes
    assert field_quality(make_result(tmp_path / "a.zarr", truth), as_truth(truth)).owta == pytest.approx(1)
    halved = [frame if t % 2 else {0: frame[0]} for t, frame in enumerate(truth)]
    owta = field_quality(make_result(tmp_path / "b.zarr", halved), as_truth(truth)).owta
    n_truth, n_found = sum(map(len, truth)), sum(map(len, halved))
    ass = sum(
        len(kept) * len(kept) / sum(number in frame for frame in truth)
        for number in range(3)
        if (kept := [t for t, frame in enumerate(halved) if number in frame])
    )
    assert owta == pytest.approx(np.sqrt(n_found / n_truth * ass / n_found))


def test_owta_needs_trackeval(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "trackeval.metrics", None)
    assert OwtaSums().result() is None


def test_measures_of_a_partition(tmp_path):
    """Two halves, and a segment that leaks over the border between them."""
    left, right = box(0, 0, 60, 40), box(0, 40, 60, 40)
    truth = [{0: left, 1: right}] * 2
    found = [{0: box(0, 0, 60, 50), 1: box(0, 50, 60, 30)}] * 2
    quality = field_quality(make_result(tmp_path / "a.zarr", found), as_truth(truth))
    assert quality.asa == pytest.approx((40 + 30) / 80)
    assert quality.undersegmentation_error_3d == pytest.approx((50 / 40 - 1 + 80 / 40 - 1) / 2)
    assert quality.boundary_recall == 0
    near = [{0: box(0, 0, 60, 42), 1: box(0, 42, 60, 38)}] * 2
    assert field_quality(make_result(tmp_path / "b.zarr", near), as_truth(truth)).boundary_recall == 1


def test_truth_of_a_part_of_the_picture_has_no_partition(measured):
    assert np.isnan(measured[1].asa)
    assert np.isnan(measured[1].boundary_recall)
    assert np.isnan(measured[1].undersegmentation_error_3d)

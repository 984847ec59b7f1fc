"""Figures that need no ground truth."""

from dataclasses import replace

import numpy as np
import pytest
from evaluate.made_results import SIZE, box, make_result, no_progress
from toy import ToyVideo, TruthGenerator
from toy_runs import run_toy

from overseg.data.frame import Frame
from overseg.evaluate.agreement import agreement
from overseg.evaluate.stability import stability
from overseg.evaluate.without_truth import without_truth


def test_births_and_deaths_count_away_from_cuts_and_edges(tmp_path):
    lasting, inner, edge = box(5, 5, 10, 10), box(30, 30, 10, 10), box(50, 30, 10, 10)
    scene = [
        {0: lasting},
        {0: lasting, 1: inner, 2: edge},
        {0: lasting, 1: inner},
        {0: lasting},
        {3: inner},  # after a cut
        {3: inner, 4: lasting},
    ]
    quality = without_truth(make_result(tmp_path / "a.zarr", scene, shots=[0, 4]))
    assert (quality.births_per_frame, quality.deaths_per_frame) == (2 / 6, 1 / 6)  # born 1, 4; died 1
    assert quality.gaps_per_track == 0
    assert quality.mean_length == pytest.approx((4 + 2 + 1 + 2 + 1) / 5)


def test_fragmentation_and_gaps(tmp_path):
    mask = box(5, 5, 10, 10)
    whole = without_truth(make_result(tmp_path / "a.zarr", [{0: mask}] * 4))
    halves = without_truth(make_result(tmp_path / "b.zarr", [{0: mask}, {0: mask}, {1: mask}, {1: mask}]))
    lost = without_truth(make_result(tmp_path / "c.zarr", [{0: mask}, {}, {}, {0: mask}]))
    assert (whole.fragmentation, halves.fragmentation, lost.fragmentation) == (0.0, 0.5, 0.5)
    assert (whole.gaps_per_track, halves.gaps_per_track, lost.gaps_per_track) == (0.0, 0.0, 1.0)
    assert (whole.length_of_a_pixel, whole.coverage, whole.depth) == (4.0, pytest.approx(100 / 4800), 1.0)


def test_a_result_without_tracks(tmp_path):
    result = make_result(tmp_path / "a.zarr", [{}, {}])
    quality = without_truth(result)
    assert (quality.coverage, quality.mean_length, quality.fragmentation) == (0.0, 0.0, 1.0)
    assert len(agreement(result, progress=no_progress)) == 0


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    generator = TruthGenerator(ToyVideo(24))
    return run_toy(tmp_path_factory.mktemp("toy") / "a.zarr", generator), generator.video


def test_masks_propagated_onto_a_keyframe_are_linked_where_their_track_has_a_mask_made_there(toy, tmp_path):
    result, video = toy
    assert without_truth(result).linked == 1.0
    blind = run_toy(tmp_path / "blind.zarr", TruthGenerator(video, miss=0.5))
    assert 0.1 < without_truth(blind).linked < 0.9
    assert np.isnan(without_truth(make_result(tmp_path / "made.zarr", [{0: box(5, 5, 10, 10)}])).linked)


def test_masklets_of_both_directions_agree_where_flow_is_good(toy):
    result, _ = toy
    agreed = agreement(result, progress=no_progress)
    assert np.isfinite(agreed).all() and agreed.min() > 0.75


def test_masklets_that_do_not_agree_are_seen(toy, monkeypatch):
    result, _ = toy
    rows_at = type(result).rows_at

    def moved(self, frame):
        rows = rows_at(self, frame)
        masks = rows.rles.to_masks()
        masks[rows.source == 2] = np.roll(masks[rows.source == 2], 12, axis=2)
        return replace(rows, rles=type(rows.rles).from_masks(masks))

    before = agreement(result, progress=no_progress)
    monkeypatch.setattr(type(result), "rows_at", moved)
    assert (agreement(result, progress=no_progress) < before).all()


def test_tracks_that_move_as_the_picture_are_stable_and_others_are_not(toy):
    result, video = toy
    found = stability(result, video, progress=no_progress)
    assert found.min() > 0.9
    turned = _Turned(video)
    assert (stability(result, turned, progress=no_progress) < found - 0.02).sum() >= 3


class _Turned:
    """The video upside down: its motion is not that of the tracks."""

    def __init__(self, video: ToyVideo) -> None:
        self._video = video
        self.info, self.timestamps_s = video.info, video.timestamps_s

    def __len__(self) -> int:
        return len(self._video)

    def __getitem__(self, index: int) -> Frame:
        frame = self._video[index]
        return replace(frame, rgb=np.ascontiguousarray(frame.rgb[:, ::-1]))


def test_single_frames_have_no_stability(tmp_path):
    result = make_result(tmp_path / "a.zarr", [{0: box(5, 5, 9, 9)}, {1: box(5, 5, 9, 9)}])
    blank = _Blank(2)
    assert np.isnan(stability(result, blank, progress=no_progress)).all()


class _Blank(_Turned):
    def __init__(self, n: int) -> None:
        super().__init__(ToyVideo(n))

    def __getitem__(self, index: int) -> Frame:
        return Frame(index, 0.0, np.zeros((*SIZE, 3), np.uint8))

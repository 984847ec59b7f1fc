"""Full runs on the toy video."""

from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np
import pytest
from toy import NAMES, PART_OF, ToyVideo, TruthGenerator
from toy_runs import followed, names_of, run_toy

from overseg.data.frame import Frame
from overseg.data.masklets import End
from overseg.data.masks import KeyframeMasks, RefinedMasks, Source
from overseg.data.rles import Rles
from overseg.engine.rounds import FULL
from overseg.engine.sweep.crossing import Crossing
from overseg.engine.sweep.spending import Spending
from overseg.propagate.flow import FlowPropagator


class Killed(BaseException):
    """Stands for a kill. Nothing catches it."""


@pytest.fixture(scope="module")
def perfect(tmp_path_factory):
    generator = TruthGenerator(ToyVideo(24))
    return run_toy(tmp_path_factory.mktemp("perfect") / "a.zarr", generator), generator


def test_every_shape_becomes_one_track_over_the_whole_video(perfect):
    result, generator = perfect
    tracks = [followed(result, generator, name) for name in NAMES]
    assert len({track for track, _ in tracks}) == len(NAMES) == len(result.tracks)
    assert all(iou > 0.9 for _, iou in tracks)
    assert (result.tracks.n_frames == 24).all()


def test_the_handle_is_part_of_the_cup_and_the_cup_of_the_tray(perfect):
    result, generator = perfect
    track_of = {name: followed(result, generator, name)[0] for name in NAMES}
    for part, whole in PART_OF.items():
        assert result.tracks.part_of[track_of[part]] == track_of[whole]
    assert result.tracks.part_of[track_of["table"]] == -1


def test_with_noisy_masks_every_shape_is_still_tracked_without_a_switch(tmp_path):
    generator = TruthGenerator(ToyVideo(40), jitter_px=1, miss=0.2)
    result = run_toy(tmp_path / "a.zarr", generator)
    for name in NAMES:
        track, iou = followed(result, generator, name)
        assert iou > 0.6
        assert result.tracks.n_frames[track] > 30
        assert set(names_of(result, generator, track)) == {name}


def test_no_track_crosses_a_cut(tmp_path):
    result = run_toy(tmp_path / "a.zarr", TruthGenerator(ToyVideo(24, cut_at=11)))
    assert result.summary["n_shots"] == 2
    assert result.frames.shot.tolist() == [0] * 11 + [1] * 13
    assert ((result.tracks.last_frame < 11) | (result.tracks.first_frame >= 11)).all()


def test_the_result_has_the_last_frame_and_termination_reason_of_every_masklet(tmp_path, monkeypatch):
    monkeypatch.setattr("toy_runs.FlowPropagator", partial(FlowPropagator, min_support=0.99))  # so that some are lost
    result = run_toy(tmp_path / "a.zarr", TruthGenerator(ToyVideo(30), jitter_px=2, miss=0.2, split=0.3))
    terminations, is_keyframe, propagated = result.terminations(), result.frames.is_keyframe, []
    for region, source, start, last in zip(
        *(getattr(terminations, name).tolist() for name in ("region", "source", "from_frame", "last_frame")),
        strict=True,
    ):
        way = range(start + 1, last + 1) if source == Source.FORWARD else range(last, start)
        propagated += [(frame, region, source) for frame in way if not is_keyframe[frame]]
    there = [result.rows_at(frame) for frame in np.flatnonzero(~is_keyframe).tolist()]
    columns = (np.concatenate([getattr(rows, name) for rows in there]) for name in ("frame", "region", "source"))
    assert sorted(propagated) == list(zip(*(column.tolist() for column in columns), strict=True))
    how_far = np.abs(terminations.last_frame - terminations.from_frame)
    assert ((terminations.end == End.CLIP) == (is_keyframe[terminations.last_frame] & (how_far > 0))).all()
    assert set(how_far[terminations.end == End.LOST].tolist()) >= {0, 1, 2, 3}
    assert (terminations.track >= 0).all()


class SeesTheBallLate(TruthGenerator):
    """Generates the ball on the last keyframe only."""

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        masks = super().generate(keyframe, propagated)
        last = keyframe.index == len(self.video) - 1
        return masks if last else masks.take(np.array([name != "ball" for name in NAMES]))


@dataclass(frozen=True)
class TruthRefiner:
    """Confirms the ball wherever it is propagated to."""

    video: ToyVideo
    refine_work: float = 0.3

    def refined(self, keyframe: Frame, propagated: Rles) -> RefinedMasks:
        ball = Rles.from_masks(self.video.truth(keyframe.index)["ball"][None])
        rows = np.flatnonzero(propagated.iou(ball)[:, 0] > 0.5)
        return RefinedMasks(rows, ball.take(np.zeros(len(rows), int)), np.full(len(rows), 0.75, np.float32))


def test_masks_propagated_back_past_keyframes_are_refined_and_continue(tmp_path):
    generator = SeesTheBallLate(ToyVideo(60))
    plain = run_toy(tmp_path / "plain.zarr", generator)
    refined = run_toy(tmp_path / "refined.zarr", generator, refiner=TruthRefiner(generator.video))
    track, iou = followed(refined, generator, "ball")
    assert refined.tracks.n_frames[track] == 60 > plain.tracks.n_frames[followed(plain, generator, "ball")[0]]
    assert iou > 0.9
    shown = refined.masks_at(20)
    row = shown.track.tolist().index(track)
    assert (shown.rles.to_masks()[row] == generator.video.truth(20)["ball"]).all()
    assert shown.score[row] == 0.75 and shown.source[row] == Source.BACKWARD


def test_a_frame_shows_each_track_once(tmp_path):
    result = run_toy(tmp_path / "a.zarr", TruthGenerator(ToyVideo(30), jitter_px=2, miss=0.2, split=0.3))
    for frame in range(30):
        tracks = result.masks_at(frame).track
        assert len(np.unique(tracks)) == len(tracks)
    assert result.tracks.n_frames.sum() == result.frames.n_masks.sum()


@pytest.mark.parametrize("n_frames", [1, 2])
def test_the_shortest_videos(tmp_path, n_frames):
    result = run_toy(tmp_path / "a.zarr", TruthGenerator(ToyVideo(n_frames)))
    assert len(result.tracks) == len(NAMES)
    assert result.frames.n_masks.tolist() == [len(NAMES)] * n_frames


def test_a_video_without_masks_has_a_result(tmp_path):
    result = run_toy(tmp_path / "a.zarr", TruthGenerator(ToyVideo(12), miss=1.0))
    assert (len(result.tracks), result.coverage, result.depth) == (0, 0.0, 0.0)
    assert result.masks_at(5).rles.to_masks().shape == (0, 144, 192)


@pytest.mark.parametrize("budget", [None, "masks=150", "coverage=0.7", "work=12"])
def test_a_run_killed_at_any_visit_ends_with_the_same_result(tmp_path, monkeypatch, budget):
    generator = TruthGenerator(ToyVideo(24, cut_at=15), jitter_px=1, miss=0.2, split=0.2)
    whole = run_toy(tmp_path / "whole.zarr", generator, budget=budget)
    make, visits = Crossing.make, count(1)

    def make_or_die(self, key):
        if next(visits) % 4 == 0:
            raise Killed
        return make(self, key)

    monkeypatch.setattr(Crossing, "make", make_or_die)
    for _ in range(100):
        try:
            killed = run_toy(tmp_path / "killed.zarr", generator, budget=budget)
            break
        except Killed:
            continue
    assert killed.content_hash() == whole.content_hash()


def test_a_larger_budget_continues_and_without_a_budget_the_result_is_that_of_a_full_run(tmp_path):
    generator = TruthGenerator(ToyVideo(60, cut_at=33), jitter_px=1, miss=0.1)
    path = tmp_path / "a.zarr"
    coverages, gains = [], []
    for budget in ("masks=40", "masks=150", "masks=250"):
        result = run_toy(path, generator, budget=budget)
        coverages.append(result.coverage)
        assert result.summary["stop_reason"] == f"budget {budget}"
        assert "run again with a larger budget" in result.summary["left_undone"]
        left = result.summary["left"]
        assert left["n_coarser_frames"] + left["n_unseen_frames"] <= len(result)
        assert left["bare_px"] == pytest.approx((1 - result.coverage) * len(result) * np.prod(result.size))
        gains.append(left["expected_gain_px"])
        assert not result.final
    assert coverages[0] < coverages[-1]
    assert gains[0] > gains[-1] >= 0
    end = run_toy(path, generator)
    assert end.summary["stop_reason"] == "complete"
    assert end.final
    assert end.content_hash() == run_toy(tmp_path / "b.zarr", generator).content_hash()


def test_a_small_budget_covers_the_whole_video(tmp_path):
    result = run_toy(tmp_path / "a.zarr", TruthGenerator(ToyVideo(90)), budget="work=21", step=3)
    assert not result.final
    assert (result.frames.n_masks > 0).all()


def test_a_quarter_of_the_work_gives_almost_all_of_the_coverage(tmp_path):
    generator = TruthGenerator(ToyVideo(90))
    full = run_toy(tmp_path / "full.zarr", generator)
    quarter = run_toy(tmp_path / "quarter.zarr", generator, budget=f"work={full.summary['work'] / 4}")
    assert quarter.summary["work"] <= full.summary["work"] / 4
    assert quarter.coverage >= 0.95 * full.coverage
    for name in ("table", "tray", "cup"):
        assert followed(quarter, generator, name)[1] >= 0.9 * followed(full, generator, name)[1]


def test_a_limit_of_coverage_is_reached_in_the_result(tmp_path):
    generator = TruthGenerator(ToyVideo(60), miss=0.4, seed=3)
    result = run_toy(tmp_path / "a.zarr", generator, budget="coverage=0.6")
    assert result.summary["stop_reason"] == "budget coverage=0.6"
    assert result.coverage >= 0.6


@pytest.mark.parametrize(("stopped", "gaps"), [(2, [6] * 8 + [7] + [10] * 3), (FULL, [3] * 16 + [6] * 6 + [5])])
def test_tracks_continue_where_a_coarser_round_takes_over(tmp_path, monkeypatch, stopped, gaps):
    def stop_in_the_middle(self, next_visits):
        return "enough" if next_visits[0].round == stopped and next_visits[0].start >= 45 else None

    monkeypatch.setattr(Spending, "limit_reached", stop_in_the_middle)
    generator = TruthGenerator(ToyVideo(90))
    result = run_toy(tmp_path / "a.zarr", generator, budget="1h", step=3)
    assert np.diff(np.flatnonzero(result.frames.is_keyframe)).tolist() == gaps
    for name in ("table", "tray", "cup"):
        track, iou = followed(result, generator, name)
        assert result.tracks.n_frames[track] == 90
        assert iou > 0.8

"""A long shot in stretches, which may be made in any order."""

import numpy as np
import pytest
from store.store_samples import same
from toy import NAMES, ToyVideo, TruthGenerator
from toy_runs import followed, names_of, run_toy

from overseg.associate.overlap import OverlapAssociator
from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.visit import Direction, Edges, Visit, VisitKey
from overseg.engine.sweep import run as sweep_run
from overseg.engine.sweep import schedule
from overseg.engine.sweep.schedule import full_round, stretch_visits, sweep_visits
from overseg.maintenance.made_visits import in_making_order, surely_made
from overseg.maintenance.salvage import Salvage
from overseg.maintenance.unfolding import whole_visits
from overseg.propagate.flow import FlowPropagator
from overseg.stages import Stages
from overseg.store.disk import DiskFolder
from overseg.store.root import RESULTS, read_root
from overseg.store.zarr_store import ZarrStore

F, B = Direction.FORWARD, Direction.BACKWARD
N_FRAMES, STRETCH = 36, 3  # keyframes 0, 5, ..., 30, 35: stretches from 0 to 15 and from 15 to 35
GENERATOR = TruthGenerator(ToyVideo(N_FRAMES), jitter_px=1, miss=0.2)


@pytest.fixture(scope="module")
def committed():
    """The visits of the run, by key."""
    return {}


@pytest.fixture(scope="module")
def in_stretches(committed, tmp_path_factory):
    commit = ZarrStore.commit

    def keep(store: ZarrStore, visit: Visit) -> None:
        committed[visit.key] = visit
        commit(store, visit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ZarrStore, "commit", keep)
        return run_toy(tmp_path_factory.mktemp("stretches") / "a.zarr", GENERATOR, stretch=STRETCH)


def test_the_plan_of_two_stretches():
    assert stretch_visits(Shot(10, 30), 5, stretch=2) == [
        [*(VisitKey(0, at, at, F) for at in (10, 20)), *visits((10, 15), (15, 20))],
        [VisitKey(0, 20, 20, F), *visits((20, 25), (25, 30))],
    ]
    assert sweep_visits(Shot(10, 30), 5) == [VisitKey(0, 10, 10, F), *visits((10, 15), (15, 20), (20, 25), (25, 30))]


def visits(*clips):
    return [*(VisitKey(0, *clip, F) for clip in clips), *(VisitKey(0, *clip, B) for clip in reversed(clips))]


@pytest.mark.parametrize("n_frames", [1, 2, 9, 10, 11, 100])
@pytest.mark.parametrize("stretch", [2, 3, 1000])
def test_every_clip_is_in_one_stretch(n_frames, stretch):
    whole = full_round([Shot(0, n_frames - 1)], 5)
    cut = full_round([Shot(0, n_frames - 1)], 5, stretch=stretch)
    assert whole <= cut
    assert all(key.start == key.stop for key in cut - whole)


def test_shapes_are_tracked_across_the_joint(in_stretches):
    for name in NAMES:
        track, iou = followed(in_stretches, GENERATOR, name)
        assert iou > 0.6
        assert in_stretches.tracks.n_frames[track] > 0.8 * N_FRAMES
        assert set(names_of(in_stretches, GENERATOR, track)) == {name}


class WithoutBall(TruthGenerator):
    """Does not see the ball on the keyframe that the stretches share."""

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        found = super().generate(keyframe, propagated)
        return KeyframeMasks.from_rles(found.rles.take(np.arange(len(NAMES) - (keyframe.index == 15))))


def test_what_has_no_mask_of_its_own_on_the_shared_keyframe_is_joined_there(tmp_path):
    """Both stretches propagate the ball to it."""
    generator = WithoutBall(ToyVideo(N_FRAMES))
    result = run_toy(tmp_path / "a.zarr", generator, stretch=STRETCH)
    track, _ = followed(result, generator, "ball")
    assert result.tracks.n_frames[track] == N_FRAMES


def test_stretches_in_another_order_give_the_same_result(in_stretches, tmp_path, monkeypatch):
    def last_stretch_first(shots, step, budget, stages, *, stretch):
        return list(
            dict.fromkeys(key for one in reversed(stretch_visits(shots[0], step, stretch=stretch)) for key in one)
        )

    monkeypatch.setattr(sweep_run, "schedule", last_stretch_first)
    other = run_toy(tmp_path / "a.zarr", GENERATOR, stretch=STRETCH)
    assert other.content_hash() == in_stretches.content_hash()


def test_a_budget_first_and_then_none_gives_the_same_result(in_stretches, tmp_path):
    assert run_toy(tmp_path / "a.zarr", GENERATOR, budget="work=20", stretch=STRETCH).summary["left_undone"]
    assert run_toy(tmp_path / "a.zarr", GENERATOR, stretch=STRETCH).content_hash() == in_stretches.content_hash()


@pytest.mark.parametrize(("work", "n_expected"), [(9, 0), (12, 60)], ids=["too much", "too little"])
def test_the_parts_of_a_budget_of_work_give_the_result_of_one_process(work, n_expected, tmp_path, monkeypatch):
    """Their visits cost more, or less, than the plan expects."""
    removed = []
    discard = ZarrStore.discard
    monkeypatch.setattr(schedule, "_MASKS_EXPECTED", n_expected)
    monkeypatch.setattr(FlowPropagator, "clip_work", lambda self, n_frames, n_masks: 0.02 * n_masks)
    monkeypatch.setattr(ZarrStore, "discard", lambda self, keys: discard(self, [removed.append(k) or k for k in keys]))
    generator = TruthGenerator(ToyVideo(26, cut_at=16))
    alone, in_parts = (
        run_toy(tmp_path / f"{way}.zarr", generator, budget=f"work={work}", stretch=2, in_parts=way)
        for way in (False, True)
    )
    assert in_parts.content_hash() == alone.content_hash()
    assert alone.summary["stop_reason"] == in_parts.summary["stop_reason"] == f"budget work={work}"
    assert alone.summary["work"] == in_parts.summary["work"]
    assert bool(removed) == (n_expected == 0)


def as_set(edges: Edges) -> set[tuple[float, ...]]:
    return set(zip(*(column.tolist() for column in vars(edges).values()), strict=True))


def test_a_result_gives_back_the_visits_that_it_was_made_of(in_stretches, committed):
    """A repair starts from these."""
    folder = DiskFolder(in_stretches.path) / RESULTS / str(read_root(DiskFolder(in_stretches.path)).result)
    salvage = Salvage(folder, set(), size=in_stretches.size, n_frames=N_FRAMES)
    found = {visit.key: visit for visit in whole_visits(salvage, [Shot(0, N_FRAMES - 1)], 5, stretch=STRETCH)}
    assert found.keys() == committed.keys()
    for key, visit in found.items():
        assert same(visit.masks, committed[key].masks), key
        assert as_set(visit.edges) == as_set(committed[key].edges), key
        assert same(visit.frontier, committed[key].frontier), key
        assert same(visit.appearances, committed[key].appearances), key


def test_a_repair_makes_shared_keyframes_before_what_is_propagated_to_them(committed):
    order = in_making_order(committed)
    assert order.index(VisitKey(0, 15, 15, F)) < order.index(VisitKey(0, 10, 15, F))
    partial = {VisitKey(0, 20, 25, F)}
    stages = Stages(GENERATOR, GENERATOR, FlowPropagator(), OverlapAssociator())
    made = surely_made(partial, [Shot(0, N_FRAMES - 1)], 5, stages, stretch=STRETCH)
    assert made == {VisitKey(0, 15, 15, F), VisitKey(0, 15, 20, F), VisitKey(0, 20, 25, F)}, "of its own stretch alone"

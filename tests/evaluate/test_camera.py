"""The whole way over a real photograph that a camera pans and zooms over."""

import pytest
from evaluate.camera import write_clip
from skimage import data

import overseg
from overseg.evaluate.evaluation import Evaluation, evaluate
from overseg.evaluate.run_frames import RunFrames
from overseg.evaluate.truth import read_truth
from overseg.output.input_video import open_input
from overseg.report import TerminalReport

N_FRAMES = 15


def evaluated(folder, photograph, **settings) -> Evaluation:
    """A run on the clip, held against its truth; with `masks=True` the run starts from perfect masks."""
    frames, truth, masks = write_clip(folder, photograph, N_FRAMES)
    if settings.pop("masks", False):
        settings |= {"generator": "precomputed", "masks": str(masks), "propagator": "flow"}
    report = TerminalReport(quiet=True)
    result = overseg.run(frames, folder / "out.zarr", min_area_px=30, device="cpu", report=report, **settings)
    with open_input(result) as video:
        return evaluate(result, read_truth(truth, RunFrames(result)), video, report)


@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_from_perfect_masks_on_keyframes_every_region_is_one_good_track(tmp_path, name):
    found = evaluated(tmp_path, getattr(data, name)(), masks=True)
    always_seen = [one for one in found.objects if one.n_seen == N_FRAMES]  # the others leave the picture in slivers
    assert len(always_seen) >= 4
    assert {(one.switches, one.fragments, one.n_followed) for one in always_seen} == {(0, 1, N_FRAMES)}
    assert min(one.best_track_j for one in always_seen) > 0.85
    assert min(one.union_j for one in found.objects) > 0.8
    means, by_itself = found.truth_means(), found.means()
    assert means["best_track_j"] > 0.92 and means["best_track_jf"] > 0.92
    assert means["recall_at_0.75"] == 1.0
    assert means["undersegmentation_error"] < 0.08
    assert by_itself["forward_backward_agreement"] > 0.85
    assert by_itself["temporal_stability"] > 0.9
    assert by_itself["fragmentation"] < 0.05
    assert by_itself["gaps_per_track"] == 0


def test_without_weights_most_regions_are_made_up_of_tracks(tmp_path):
    found = evaluated(tmp_path, data.coffee(), preset="no-weights")
    means = found.truth_means()
    assert means["union_j"] > 0.75
    assert means["recall_at_0.5"] > 0.6
    assert means["switches"] < 1
    assert found.means()["coverage"] > 0.98
    assert found.means()["temporal_stability"] > 0.85

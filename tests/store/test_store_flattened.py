"""A cut through the containment tree: its tracks, the partition, and the loss."""

from dataclasses import replace

import numpy as np
import pytest
from toy import SIZE, TruthGenerator
from toy import ToyVideo as Toy
from toy_runs import run_toy

from overseg.errors import SettingsError
from overseg.store.flattened import cut


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Tracks of the toy video: table, its tray, its cup, its handle, and the ball."""
    return run_toy(tmp_path_factory.mktemp("flat") / "toy.zarr", TruthGenerator(Toy(8)), step=4)


@pytest.fixture(scope="module")
def names(result):
    """The shape of each track on the first frame."""
    truth = Toy(8).truth(0)
    masks = result.masks_at(0)
    by_area = sorted(truth, key=lambda name: -truth[name].sum())
    return dict(zip(masks.track[np.argsort(-masks.rles.area_px())].tolist(), by_area, strict=True))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, {"table", "tray", "cup", "handle", "ball"}),
        ({"depth": 0}, {"table"}),
        ({"depth": 1}, {"table", "ball", "tray"}),
        ({"depth": 9}, {"table", "tray", "cup", "handle", "ball"}),
        ({"n_tracks": 1}, {"table"}),
        ({"n_tracks": 2}, {"table", "tray"}),
        ({"n_tracks": 3}, {"table", "tray", "cup"}),
        ({"n_tracks": 99}, {"table", "tray", "cup", "handle", "ball"}),
    ],
)
def test_tracks_of_a_cut(result, names, how, expected):
    assert {names[track] for track in np.flatnonzero(result.flatten(**how).shown)} == expected


def test_every_pixel_belongs_to_the_smallest_shape_over_it(result, names):
    flat, number = result.flatten(), {name: track for track, name in names.items()}
    expected = np.full(SIZE, -1)
    for name, mask in Toy(8).truth(0).items():
        expected[mask] = number[name]
    assert np.array_equal(flat.labels_at(0), expected)


@pytest.mark.parametrize("how", [{}, {"depth": 0}, {"depth": 2}, {"n_tracks": 3}])
def test_masks_and_loss_agree_with_the_labels(result, how):
    flat = result.flatten(**how)
    mask_px = covered_px = 0
    for frame in range(len(flat)):
        labels, masks = flat.labels_at(frame), flat.masks_at(frame)
        assert np.array_equal(masks.rles.to_masks(), labels[None] == masks.track[:, None, None])
        assert set(masks.track) == set(labels[labels >= 0])
        before = result.masks_at(frame).rles.to_masks()
        mask_px += before.sum() - (labels >= 0).sum()
        covered_px += before.any(axis=0).sum() - (labels >= 0).sum()
    loss = flat.loss()
    assert (loss.mask_px_lost, loss.covered_px_lost) == (mask_px, covered_px)
    assert loss.n_tracks_lost == len(result.tracks) - flat.shown.sum()
    assert (loss.mask_px, loss.covered_px) == (result.frames.mask_px.sum(), result.frames.covered_px.sum())
    assert loss.n_masks == result.frames.n_masks.sum()


def test_a_part_is_kept_only_after_its_whole(result, names):
    """Also if it has more pixels over all frames."""
    tracks = replace(result.tracks, n_frames=np.where(result.tree.depth == 3, 10**6, 1).astype(np.int32))
    assert {names[track] for track in np.flatnonzero(cut(tracks, result.tree, n_tracks=2))} == {"table", "tray"}


def test_filtered_tracks_do_not_count(result):
    among = result.tree.depth != 1
    kept = cut(result.tracks, result.tree, n_tracks=2, among=among)
    assert result.tree.depth[kept].tolist() in ([0, 2], [2, 0])


@pytest.mark.parametrize("how", [{"depth": 0, "n_tracks": 3}, {"depth": -1}, {"n_tracks": 0}])
def test_invalid_cuts(result, how):
    with pytest.raises(SettingsError):
        result.flatten(**how)


def test_the_old_name_of_the_depth_of_a_cut_warns_and_works(result):
    with pytest.warns(DeprecationWarning, match="the option level of flatten is now called depth"):
        shown = result.flatten(level=1).shown
    assert shown.tolist() == result.flatten(depth=1).shown.tolist()

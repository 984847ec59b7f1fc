"""Masks as other packages' own tables, and as arrays for viewers."""

import sys

import numpy as np
import pytest
import supervision
import torch
from interchange.interchange_samples import N_FRAMES, VIDEO

import overseg
from overseg.data.masks import TrackMasks
from overseg.errors import SettingsError
from overseg.interchange.detections import to_supervision, to_torch
from overseg.interchange.viewers import DepthMaps, napari_layers, write_rerun


def empty(result) -> TrackMasks:
    return result.masks_at(0).take(np.zeros(0, np.int64))


def test_supervision(result):
    masks = result.masks_at(3)
    detections = to_supervision(masks)
    assert np.array_equal(detections.mask, masks.rles.to_masks())
    assert np.array_equal(detections.tracker_id, masks.track)
    assert np.array_equal(detections.confidence, masks.score)
    assert np.array_equal(detections.area, masks.rles.area_px())
    assert np.array_equal(detections.data["sam_output"], masks.sam_output)
    for (x1, y1, x2, y2), mask in zip(detections.xyxy.astype(int), detections.mask, strict=True):
        assert mask[y1:y2, x1:x2].sum() == mask.sum()
    drawn = supervision.MaskAnnotator(color_lookup=supervision.ColorLookup.TRACK).annotate(
        np.zeros((*result.size, 3), np.uint8), detections
    )
    assert np.array_equal(drawn.any(axis=2), detections.mask.any(axis=0))
    assert len(to_supervision(empty(result))) == 0


def test_torch(result):
    masks = result.masks_at(3)
    tensors = to_torch(masks)
    assert torch.equal(tensors["masks"], torch.from_numpy(masks.rles.to_masks()))
    assert tensors["tracks"].tolist() == masks.track.tolist()
    assert torch.equal(tensors["boxes"][:, 2:] - tensors["boxes"][:, :2], torch.tensor(masks.rles.boxes_xywh()[:, 2:]))
    assert (tensors["boxes"].dtype, tensors["labels"].dtype) == (torch.float32, torch.int64)
    assert to_torch(empty(result))["boxes"].shape == (0, 4)


def test_arrays_for_napari(result):
    """As numpy would have it: a frame, a part of one, several; the highest level that has a track is its own."""
    layers = napari_layers(result, VIDEO)
    assert [(kind, options["name"]) for _, options, kind in layers] == [
        ("image", "frames"),
        *(("labels", f"depth {depth}") for depth in range(result.tree.n_depths)),
    ]
    assert np.array_equal(layers[0][0][2, 4:6], VIDEO[2].rgb[4:6])
    assert layers[0][0].shape == (N_FRAMES, *result.size, 3) and layers[0][0][1:3].shape[0] == 2
    for depth, (maps, _, _) in enumerate(layers[1:]):
        whole = np.stack([maps[frame] for frame in range(N_FRAMES)])
        assert (maps.shape, maps.dtype, maps.ndim, len(maps)) == (whole.shape, whole.dtype, 3, N_FRAMES)
        assert np.array_equal(maps[2:7:2, 10:20, 5], whole[2:7:2, 10:20, 5])
        assert np.array_equal(maps[-1], whole[-1]) and maps[5:5].shape == (0, *result.size)
        assert set(result.tree.depth[np.unique(whole[whole > 0]) - 1].tolist()) == {depth}
        for frame in range(N_FRAMES):
            masks = result.masks_at(frame)
            here = masks.take(result.tree.depth[masks.track] == depth).rles.to_masks()
            assert np.array_equal(whole[frame] > 0, here.any(axis=0))


def test_what_is_not_installed_is_said(result, tmp_path, monkeypatch):
    for name in ("rerun", "supervision"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError, match=r"pip install 'overseg\[rerun\]'"):
        write_rerun(result, tmp_path / "out.rrd")
    with pytest.raises(SettingsError, match=r"pip install 'overseg\[supervision\]'"):
        to_supervision(result.masks_at(0))


def test_levels_of_nothing(result):
    assert not DepthMaps(result, 99)[0].any()


def test_the_same_from_the_package(result, tmp_path):
    exported = overseg.export(result, tmp_path / "out", format="davis", flatten="depth=0", min_length=6)
    assert exported.n_objects == 1 and exported.loss is not None and exported.loss.n_tracks_lost > 0
    again = overseg.import_masks(tmp_path / "out", tmp_path / "again.zarr", format="davis")
    assert len(again.tracks) == 1
    overseg.export(tmp_path / "again.zarr", tmp_path / "out.json", format="coco")
    with pytest.raises(SettingsError, match="--flatten takes"):
        overseg.export(result, tmp_path / "no", format="davis", flatten="1")

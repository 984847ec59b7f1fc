"""The contact sheet of a result."""

import numpy as np
from toy import ToyVideo, TruthGenerator
from toy_runs import run_toy

from overseg.data.masks import Masks, TrackMasks
from overseg.data.rles import Rles
from overseg.output.sheet import contact_sheet, sheet_rows
from overseg.output.track_crop import track_crop


def test_every_track_is_in_one_row_and_the_sheet_shows_its_colours(tmp_path):
    video = ToyVideo(6)
    result = run_toy(tmp_path / "toy.zarr", TruthGenerator(video))
    rows = sheet_rows(result, per_row=2)
    assert [row.title for row in rows] == ["Largest", "Longest", "Least certain"][: len(rows)]
    shown = [track for row in rows for track in row.tracks]
    assert len(set(shown)) == len(shown) <= len(result.tracks)
    assert rows[0].tracks[0] == result.tracks.mean_area_px.argmax()
    sheet = contact_sheet(result, video, per_row=2)
    grey = contact_sheet(result, None, per_row=2)
    assert sheet.shape == grey.shape and (sheet != grey).any()


def test_a_crop_keeps_the_picture_inside_the_mask_and_pales_it_outside():
    rgb = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((1, 40, 60), bool)
    mask[0, 10:30, 30:60] = True  # touches the border, so that the crop reaches beyond the picture
    crop = track_crop(rgb, _one(mask), side_px=90)
    assert crop.shape == (90, 90, 3)
    assert crop[45, 45].tolist() == [0, 0, 0]
    assert crop[3, 3].min() > 100


def _one(mask: np.ndarray) -> TrackMasks:
    rles = Rles.from_masks(mask)
    blank = Masks.empty(rles.size)
    columns = {name: np.zeros(1, getattr(blank, name).dtype) for name in ("frame", "region", "source", "score")}
    columns |= {name: np.zeros(1, getattr(blank, name).dtype) for name in ("stability_score", "sam_output")}
    return TrackMasks(
        rles=rles,
        track=np.zeros(1, np.int32),
        sam_outputs=np.zeros(1, np.uint8),
        point_xy=np.zeros((1, 2), np.float32),
        **columns,
    )

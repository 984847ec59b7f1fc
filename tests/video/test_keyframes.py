"""Keyframes: both ends of a shot and every n-th frame between; those of a multiple step are a subset.

With "auto" there is one more in the middle of each gap through which optical flow follows little of the picture.
"""

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from overseg.data.shot import Shot
from overseg.errors import SettingsError
from overseg.video.keyframes import AUTO, keyframes, with_more_keyframes
from overseg.video.open import open_video
from overseg.video.survival import Survival


def test_first_every_nth_and_last() -> None:
    assert keyframes(Shot(0, 10), 5) == [0, 5, 10]
    assert keyframes(Shot(10, 21), 5) == [10, 15, 20, 21]
    assert keyframes(Shot(3, 5), 100) == [3, 5]
    assert keyframes(Shot(3, 5), 1) == [3, 4, 5]


def test_a_shot_of_one_frame_has_one_keyframe() -> None:
    assert keyframes(Shot(7, 7), 5) == [7]
    assert len(Shot(7, 7)) == 1


@given(st.integers(0, 1000), st.integers(0, 500), st.integers(1, 50), st.integers(1, 10))
def test_coarse_keyframes_are_among_fine_ones(start: int, length: int, step: int, factor: int) -> None:
    shot = Shot(start, start + length)
    fine = keyframes(shot, step)
    assert set(keyframes(shot, step * factor)) <= set(fine)
    assert fine == sorted(set(fine))
    assert (fine[0], fine[-1]) == (shot.start, shot.stop)


@pytest.mark.parametrize("step", [0, -1, True])
def test_a_step_of_less_than_one(step: int) -> None:
    with pytest.raises(SettingsError, match="step"):
        keyframes(Shot(0, 1), step)


def test_auto_adds_those_of_the_shot_to_every_fifth():
    shot = Shot(10, 26, more_keyframes=(12, 22))
    assert keyframes(shot, AUTO) == [10, 12, 15, 20, 22, 25, 26]
    assert keyframes(shot, AUTO, every=2) == [10, 20, 26]
    assert keyframes(shot, 5) == [10, 15, 20, 25, 26]


def camera(*lefts: int) -> np.ndarray:
    """What a camera sees of a photograph at these places; uint8 [n, 96, 160, 3]."""
    photograph = cv2.resize(skimage.data.astronaut(), (512, 512))
    return np.stack([photograph[100:196, left : left + 160] for left in lefts])


def test_there_are_more_where_the_camera_is_too_fast_for_the_flow():
    lefts = [0, 1, 2, 3, 4, 5, 45, 85, 125, 165, 205, 206, 207, 208, 209, 210]
    video = open_video(camera(*lefts, *lefts))
    seen: list[int] = []
    shots = with_more_keyframes(video, [Shot(0, 15), Shot(16, 31)], report=seen.append)
    assert [shot.more_keyframes for shot in shots] == [(7,), (23,)], "only the gap from the fifth frame to the tenth"
    assert seen == [*range(2, 17), *range(18, 33)]


def test_survival_counts_what_stays_in_the_picture():
    survival = Survival()
    shares = [survival.add(rgb) for rgb in camera(0, 4, 8, 12)]
    assert shares[0] == 1
    assert 0.7 < shares[3] < shares[1] <= 1 - 4 / 160 + 0.01, "a camera moves on by four of 160 pixels"
    survival.restart()
    assert survival.add(camera(16)[0]) > shares[3]


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (900, 2), (48, 64), (17, 160), (33, 31)])
def test_survival_of_pictures_of_any_size(size):
    survival, rgb = Survival(), np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert [survival.add(rgb) for _ in range(3)] == pytest.approx([1, 1, 1], abs=0.05)


def test_gaps_too_short_for_a_frame_between_have_none():
    video = open_video(camera(0, 90, 180))
    assert with_more_keyframes(video, [Shot(0, 2)]) == [Shot(0, 2)]
    assert with_more_keyframes(video, [Shot(0, 0), Shot(1, 2)]) == [Shot(0, 0), Shot(1, 2)]

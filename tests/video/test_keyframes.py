"""Keyframes: both ends of a shot and every n-th frame between; those of a multiple step are a subset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overseg.data.shot import Shot
from overseg.errors import SettingsError
from overseg.video.keyframes import keyframes


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

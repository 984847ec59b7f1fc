"""Cuts are found; motion, light and flashes are not cuts."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from overseg.data.frame import Frame
from overseg.data.shot import Shot
from overseg.data.video_info import VideoInfo
from overseg.video.open import open_video
from overseg.video.shots import find_shots

N_FRAMES = 12
PHOTOGRAPHS = ("astronaut", "coffee", "cat", "rocket", "grass")


@dataclass(frozen=True)
class Pictures:
    """A `Video` of pictures in memory."""

    pictures: list[np.ndarray]

    @property
    def info(self) -> VideoInfo:
        height, width = self.pictures[0].shape[:2] if self.pictures else (0, 0)
        return VideoInfo("pictures", "", len(self), height, width, 25.0)

    @property
    def timestamps_s(self) -> np.ndarray:
        return np.arange(len(self)) / 25.0

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Frame:
        return Frame(index, index / 25.0, self.pictures[index])


def _photograph(name: str) -> np.ndarray:
    rgb = getattr(skimage.data, name)()
    rgb = np.stack([rgb] * 3, axis=2) if rgb.ndim == 2 else rgb
    return cv2.resize(rgb, (800, 450), interpolation=cv2.INTER_AREA)


def _view(photograph: np.ndarray, x: float, y: float, scale: float = 1.0) -> np.ndarray:
    """What a camera of 320 x 180 px sees of a photograph."""
    mapping = np.array([[scale, 0, x], [0, scale, y]], np.float32)
    return cv2.warpAffine(photograph, mapping, (320, 180), flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP)


def _still(photograph: np.ndarray, at: int) -> np.ndarray:
    return _view(photograph, 100, 100)


def _pan(photograph: np.ndarray, at: int) -> np.ndarray:
    return _view(photograph, 20 + 20 * at, 60)


def _zoom(photograph: np.ndarray, at: int) -> np.ndarray:
    return _view(photograph, 160 - 3.2 * at, 90 - 1.8 * at, 1 + 0.02 * at)


def _noise(photograph: np.ndarray, at: int) -> np.ndarray:
    noise = np.random.default_rng(at).normal(0, 20, (180, 320, 3))
    return np.clip(_still(photograph, at) + noise, 0, 255).astype(np.uint8)


def _getting_dark(photograph: np.ndarray, at: int) -> np.ndarray:
    return (_still(photograph, at) * (1 - 0.6 * at / N_FRAMES)).astype(np.uint8)


def _flickering(photograph: np.ndarray, at: int) -> np.ndarray:
    return (_pan(photograph, at) * (1.0 if at % 2 else 0.6)).astype(np.uint8)


def _flash(photograph: np.ndarray, at: int) -> np.ndarray:
    return np.full((180, 320, 3), 255, np.uint8) if at == 5 else _pan(photograph, at)


def _flash_of_two_frames(photograph: np.ndarray, at: int) -> np.ndarray:
    return np.full((180, 320, 3), 250, np.uint8) if at in (5, 6) else _pan(photograph, at)


@pytest.mark.parametrize(
    "camera", [_still, _pan, _zoom, _noise, _getting_dark, _flickering, _flash, _flash_of_two_frames]
)
def test_every_cut_and_nothing_else(camera: Callable[[np.ndarray, int], np.ndarray]) -> None:
    pictures = [camera(_photograph(name), at) for name in PHOTOGRAPHS for at in range(N_FRAMES)]
    starts = range(0, len(pictures), N_FRAMES)
    assert find_shots(Pictures(pictures)) == [Shot(start, start + N_FRAMES - 1) for start in starts]


def test_a_light_that_is_switched_off_is_no_cut() -> None:
    coffee = _photograph("coffee")
    pictures = [(_pan(coffee, at) * (1.0 if at < 6 else 0.5)).astype(np.uint8) for at in range(N_FRAMES)]
    assert find_shots(Pictures(pictures)) == [Shot(0, N_FRAMES - 1)]


def test_a_dissolve_joins_two_shots_into_one() -> None:
    one, other = _still(_photograph("coffee"), 0), _still(_photograph("cat"), 0)
    pictures = [cv2.addWeighted(one, 1 - share, other, share, 0) for share in np.clip(np.linspace(-0.5, 1.5, 40), 0, 1)]
    assert find_shots(Pictures(pictures)) == [Shot(0, 39)]


def test_a_flash_between_two_shots_begins_the_second() -> None:
    coffee, cat = _photograph("coffee"), _photograph("cat")
    white = np.full((180, 320, 3), 255, np.uint8)
    pictures = [*(_pan(coffee, at) for at in range(8)), white, *(_pan(cat, at) for at in range(8))]
    assert find_shots(Pictures(pictures)) == [Shot(0, 7), Shot(8, 16)]


@pytest.mark.parametrize("lengths", [(1, 8), (8, 1), (2, 2), (3, 3, 3), (1, 1)])
def test_short_shots(lengths: tuple[int, ...]) -> None:
    photographs = [_photograph(name) for name in PHOTOGRAPHS[: len(lengths)]]
    pictures = [_pan(p, at) for p, n in zip(photographs, lengths, strict=True) for at in range(n)]
    edges = np.cumsum([0, *lengths]).tolist()
    assert find_shots(Pictures(pictures)) == [Shot(start, stop - 1) for start, stop in pairwise(edges)]


def test_no_frames_and_one_frame_and_one_colour() -> None:
    assert find_shots(Pictures([])) == []
    assert find_shots(Pictures([np.zeros((1, 1, 3), np.uint8)])) == [Shot(0, 0)]
    assert find_shots(Pictures([np.zeros((20, 9, 3), np.uint8)] * 9)) == [Shot(0, 8)]


def test_upright_pictures() -> None:
    pictures = [np.rot90(_pan(_photograph(name), at)) for name in PHOTOGRAPHS[:2] for at in range(6)]
    assert find_shots(Pictures(pictures)) == [Shot(0, 5), Shot(6, 11)]


def test_progress_is_reported_frame_by_frame() -> None:
    done: list[int] = []
    find_shots(Pictures([np.zeros((9, 9, 3), np.uint8)] * 5), report=done.append)
    assert done == [1, 2, 3, 4, 5]


def test_real_clips(bikes: Path, bigbuckbunny: Path) -> None:
    cuts = [0, 30, 76, 137, 187, 242, 250]  # seen by eye
    assert find_shots(open_video(bikes)) == [Shot(start, stop - 1) for start, stop in pairwise(cuts)]
    assert find_shots(open_video(bigbuckbunny, resize=640)) == [Shot(0, 131)]

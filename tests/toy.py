"""A video whose truth is known: nested shapes of known motion over texture.

    frame 0                          frame 23
    +--------------------------+     +--------------------------+
    | table                    |     | table                    |
    |  +-------------+  (ball) |     |        +-------------+   |
    |  | tray        |         |     | (ball) | tray        |   |
    |  |  (cup)=h    |         |     |        |  (cup)=h    |   |
    |  +-------------+         |     |        +-------------+   |
    +--------------------------+     +--------------------------+

Every shape propagates a texture that moves with it, so that optical flow can follow it. The tray holds the cup, the cup
its handle; the ball rolls the other way. Truth is exact by construction.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.data.video_info import VideoInfo

SIZE = (144, 192)
NAMES = ("table", "tray", "cup", "handle", "ball")
TURN = 30  # frames after which everything moves back
PART_OF = {"tray": "table", "cup": "tray", "handle": "cup"}


@dataclass(frozen=True)
class ToyVideo:
    """Frames made on the spot; a `Video`. With `cut_at`, the second shot shows another texture and the start again."""

    n_frames: int = 24
    cut_at: int | None = None

    @property
    def info(self) -> VideoInfo:
        return VideoInfo("toy", f"toy-{self.n_frames}-{self.cut_at}", self.n_frames, *SIZE, 25.0)

    @property
    def timestamps_s(self) -> np.ndarray:
        return np.arange(self.n_frames) / 25.0

    def __len__(self) -> int:
        return self.n_frames

    def __getitem__(self, index: int) -> Frame:
        if not 0 <= index < self.n_frames:
            raise IndexError(index)
        second = self.cut_at is not None and index >= self.cut_at
        return Frame(index, index / 25.0, _picture(self._way(index), second))

    def truth(self, index: int) -> dict[str, np.ndarray]:
        """The whole mask of every shape, bool [h, w], from the largest to the smallest."""
        return dict(_shapes(self._way(index)))

    def _way(self, index: int) -> int:
        """How far the shapes are from where they start, in steps of two pixels."""
        step = index - self.cut_at if self.cut_at is not None and index >= self.cut_at else index
        return TURN - abs(step % (2 * TURN) - TURN)  # there and back again


@lru_cache(maxsize=2 * (TURN + 1))
def _picture(way: int, second: bool) -> np.ndarray:
    """With the shapes this far from where they start; the second shot has other textures."""
    picture = _texture(100 + second, SIZE).copy()
    for name, mask in _shapes(way).items():
        layer = np.roll(_texture(hash_of(name) + second, SIZE), _shift(name, way), axis=(0, 1))
        picture[mask] = layer[mask]
    return picture


@lru_cache(maxsize=TURN + 1)
def _shapes(way: int) -> dict[str, np.ndarray]:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    tray_y, tray_x = _shift("tray", way)
    ball_y, ball_x = _shift("ball", way)
    shapes = {
        "table": (y >= 12) & (y < 132) & (x >= 10) & (x < 182),
        "tray": (y >= 40 + tray_y) & (y < 112 + tray_y) & (x >= 20 + tray_x) & (x < 110 + tray_x),
        "cup": _disc(y, x, 76 + tray_y, 55 + tray_x, 24) | _handle(y, x, tray_y, tray_x),
        "handle": _handle(y, x, tray_y, tray_x),
        "ball": _disc(y, x, 26 + ball_y, 160 + ball_x, 10),
    }
    for mask in shapes.values():
        mask.flags.writeable = False
    return shapes


def _shift(name: str, way: int) -> tuple[int, int]:
    return {"table": (0, 0), "ball": (0, -2 * way)}.get(name, (0, 2 * way))


@dataclass(frozen=True)
class TruthGenerator:
    """A MaskGenerator that knows the truth, and can be made to see it badly.

    Attributes:
        video: where the truth is from.
        jitter_px: masks grow or shrink by up to this.
        miss: share of the masks that it does not see, in [0, 1].
        split: share of the masks that it sees as two halves.
        seed: of the noise, which depends on the frame alone.
        keyframe_work: as in MaskGenerator.
    """

    video: ToyVideo
    jitter_px: int = 0
    miss: float = 0.0
    split: float = 0.0
    seed: int = 0
    keyframe_work: float = 3.5

    def generate(self, keyframe: Frame, propagated: Rles) -> KeyframeMasks:
        rng = np.random.default_rng([self.seed, keyframe.index])
        masks: list[np.ndarray] = []
        for mask in self.video.truth(keyframe.index).values():
            if rng.random() < self.miss:
                continue
            seen = _jittered(mask, int(rng.integers(-self.jitter_px, self.jitter_px + 1)))
            masks += _halves(seen) if rng.random() < self.split else [seen]
        return KeyframeMasks.from_rles(Rles.from_masks(np.array(masks, dtype=bool).reshape(-1, *SIZE)))


def hash_of(name: str) -> int:
    return sum(map(ord, name))


def _disc(y: np.ndarray, x: np.ndarray, centre_y: int, centre_x: int, radius: int) -> np.ndarray:
    return (y - centre_y) ** 2 + (x - centre_x) ** 2 <= radius**2


def _handle(y: np.ndarray, x: np.ndarray, shift_y: int, shift_x: int) -> np.ndarray:
    return (abs(y - 76 - shift_y) <= 8) & (x >= 76 + shift_x) & (x < 98 + shift_x)


@lru_cache
def _texture(seed: int, size: tuple[int, int]) -> np.ndarray:
    """Smooth noise around a colour of its own: something that optical flow can hold on to."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.standard_normal((*size, 3)).astype(np.float32), (0, 0), 2)
    colour = rng.integers(60, 196, 3)
    return np.clip(colour + 160 * noise, 0, 255).astype(np.uint8)


def _jittered(mask: np.ndarray, by_px: int) -> np.ndarray:
    kernel = np.ones((2 * abs(by_px) + 1,) * 2, np.uint8)
    change = cv2.dilate if by_px >= 0 else cv2.erode
    return change(mask.astype(np.uint8), kernel).astype(bool)


def _halves(mask: np.ndarray) -> list[np.ndarray]:
    middle = int(np.median(np.nonzero(mask)[1]))
    left, right = mask.copy(), mask.copy()
    left[:, middle:], right[:, :middle] = False, False
    return [left, right]

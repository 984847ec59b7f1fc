"""Finds masks and points for the parts of a picture that no mask covers."""

import cv2
import numpy as np
from jaxtyping import Bool, Float

from overseg.generate.candidates import Candidates, Thresholds

_MIN_NEW_SHARE = 0.4  # of a mask's area; with less, slivers beside known regions would be added
_MIN_DEPTH = 2.0  # pixels of the logits to the border of an uncovered place; nearer points prompt its surroundings


def relaxing(strict: Thresholds, floors: Thresholds, n_steps: int) -> list[Thresholds]:
    """Thresholds in equal steps from `strict`, which is left out, down to `floors`; none is above `strict`."""
    shares = np.arange(1, n_steps + 1) / n_steps
    spans = [(high, min(low, high)) for high, low in zip(strict, floors, strict=True)]
    return [Thresholds(*(high - share * (high - low) for high, low in spans)) for share in shares]


class Coverage:
    """The part of a picture that the kept masks cover, at the logits' scale."""

    def __init__(self, picture: Bool[np.ndarray, "y x"]) -> None:
        """`picture` is false in padding."""
        self._uncovered = picture.copy()
        self._tried = np.zeros_like(picture)
        self._n_picture = int(picture.sum())

    @property
    def share(self) -> float:
        """The share of the picture that is covered, in [0, 1]."""
        return 1 - self._uncovered.sum() / self._n_picture

    def add(self, masks: Candidates) -> None:
        """Add masks that are kept."""
        self._uncovered &= ~(masks.logits > 0).any(dim=0).cpu().numpy()

    def add_useful(self, spare: Candidates) -> Bool[np.ndarray, " n"]:
        """Add the masks, best first, of whose area at least 40 % is uncovered; return which."""
        taken = np.zeros(len(spare), dtype=bool)
        masks = (spare.logits > 0).cpu().numpy()
        for row in np.argsort(-spare.quality, kind="stable"):
            new = np.count_nonzero(masks[row] & self._uncovered)
            if new > 0 and new >= _MIN_NEW_SHARE * np.count_nonzero(masks[row]):
                taken[row] = True
                self._uncovered &= ~masks[row]
        return taken

    def uncovered_points(self, max_places: int) -> Float[np.ndarray, "k 2"]:
        """Points (x, y) deep inside uncovered places, the deepest first, in pixels of the logits; none comes twice."""
        places: list[tuple[float, float]] = []
        depth = self._depth()
        while len(places) < max_places and depth.max() >= _MIN_DEPTH:
            y, x = np.unravel_index(depth.argmax(), depth.shape)
            places.append((x + 0.5, y + 0.5))
            self._tried[y, x] = True
            cv2.circle(depth, (int(x), int(y)), max(int(depth[y, x]), 1), 0, thickness=-1)
        return np.array(places).reshape(-1, 2)

    def _depth(self) -> Float[np.ndarray, "y x"]:
        """Distance to the nearest pixel that is covered, was returned before, or lies outside the picture."""
        free = np.pad(self._uncovered & ~self._tried, 1).astype(np.uint8)
        return np.ascontiguousarray(cv2.distanceTransform(free, cv2.DIST_L2, 5)[1:-1, 1:-1])

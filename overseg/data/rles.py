"""Binary masks as COCO run-length encodings, the only form of masks outside of models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, Int64
from pycocotools import mask as coco_mask

_AREA_BATCH = 128  # pycocotools 2.0.11 under NumPy 2 overflows in area() on 256 and more at once


@dataclass(frozen=True)
class Rles:
    """Masks of one picture size, in COCO's compressed encoding (column-major runs, first run is background).

    Example:
        >>> rles = Rles.from_masks(np.ones((2, 4, 6), dtype=bool))
        >>> len(rles), rles.area_px().tolist()
        (2, [24, 24])

    Attributes:
        size: (height, width) in pixels of every mask.
        counts: one compressed COCO string per mask, as bytes.
    """

    size: tuple[int, int]
    counts: tuple[bytes, ...]

    @classmethod
    def from_masks(cls, masks: Bool[np.ndarray, "n h w"]) -> "Rles":
        """Encode boolean masks [n, h, w]."""
        size = (masks.shape[1], masks.shape[2])
        if len(masks) == 0:
            return cls.empty(size)
        column_major = np.asfortranarray(masks.transpose(1, 2, 0).view(np.uint8))
        return cls(size, tuple(rle["counts"] for rle in coco_mask.encode(column_major)))

    @classmethod
    def from_runs(cls, size: tuple[int, int], runs: Iterable[Int[np.ndarray, " _"]]) -> "Rles":
        """Masks from the lengths of their column-major runs; the first run is background, and they sum up to h * w.

        >>> Rles.from_runs((2, 3), [np.array([0, 1, 5])]).area_px().tolist()
        [1]
        """
        uncompressed = [{"size": list(size), "counts": lengths} for lengths in runs]
        if not uncompressed:
            return cls.empty(size)
        return cls(size, tuple(rle["counts"] for rle in coco_mask.frPyObjects(uncompressed, *size)))

    @classmethod
    def empty(cls, size: tuple[int, int]) -> "Rles":
        """No masks, of pictures of this size."""
        return cls(size, ())

    @classmethod
    def blank(cls, size: tuple[int, int], n: int = 1) -> "Rles":
        """n masks without pixels.

        >>> Rles.blank((2, 3), 2).area_px().tolist()
        [0, 0]
        """
        return cls(size, cls.from_masks(np.zeros((1, *size), dtype=bool)).counts * n)

    @classmethod
    def concatenate(cls, size: tuple[int, int], parts: Iterable["Rles"]) -> "Rles":
        """All masks of `parts`, in order; every part has this size."""
        return cls(size, tuple(counts for part in parts for counts in part.counts))

    def __len__(self) -> int:
        return len(self.counts)

    def take(self, rows: Int[np.ndarray, " k"] | Sequence[int]) -> "Rles":
        """The masks at these row numbers, in this order."""
        return Rles(self.size, tuple(self.counts[row] for row in rows))

    def with_rows(self, rows: Int[np.ndarray, " k"], others: "Rles") -> "Rles":
        """The same masks, with others at these row numbers."""
        counts = list(self.counts)
        for row, other in zip(rows.tolist(), others.counts, strict=True):
            counts[row] = other
        return Rles(self.size, tuple(counts))

    def as_coco(self) -> list[dict]:
        """pycocotools' own form: a list of {"size": [h, w], "counts": bytes}."""
        return [{"size": list(self.size), "counts": counts} for counts in self.counts]

    def to_masks(self) -> Bool[np.ndarray, "n h w"]:
        """Decode to boolean masks [n, h, w]."""
        if not self.counts:
            return np.zeros((0, *self.size), dtype=bool)
        return np.ascontiguousarray(coco_mask.decode(self.as_coco()).transpose(2, 0, 1)).view(bool)

    def area_px(self) -> Int64[np.ndarray, " n"]:
        """Number of pixels in each mask."""
        coco = self.as_coco()
        batches = [coco_mask.area(coco[at : at + _AREA_BATCH]) for at in range(0, len(coco), _AREA_BATCH)]
        return np.concatenate([np.zeros(0, np.int64), *batches]).astype(np.int64)

    def boxes_xywh(self) -> Float64[np.ndarray, "n 4"]:
        """Tight boxes (left, top, width, height) in pixels; zeros for an empty mask."""
        if not self.counts:
            return np.zeros((0, 4))
        return np.asarray(coco_mask.toBbox(self.as_coco()), dtype=np.float64)

    def boxes_xyxy(self) -> Float64[np.ndarray, "n 4"]:
        """Tight boxes (left, top, right, bottom) in pixels; right and bottom lie just outside of the mask.

        >>> Rles.from_masks(np.ones((1, 2, 3), bool)).boxes_xyxy().tolist()
        [[0.0, 0.0, 3.0, 2.0]]
        """
        boxes = self.boxes_xywh()
        boxes[:, 2:] += boxes[:, :2]
        return boxes

    def iou(self, other: "Rles") -> Float64[np.ndarray, "n m"]:
        """Intersection over union of every mask of self with every mask of other, in [0, 1]."""
        return self._overlap(other, over_self=False)

    def share_inside(self, other: "Rles") -> Float64[np.ndarray, "n m"]:
        """Share of each mask of self that lies inside each mask of other, in [0, 1]."""
        return self._overlap(other, over_self=True)

    def union(self) -> "Rles":
        """One mask: the pixels under at least one of these."""
        if not self.counts:
            return Rles.blank(self.size)
        return Rles(self.size, (coco_mask.merge(self.as_coco(), intersect=False)["counts"],))

    def _overlap(self, other: "Rles", *, over_self: bool) -> Float64[np.ndarray, "n m"]:
        if not self.counts or not other.counts:
            return np.zeros((len(self), len(other)))
        crowd = [int(over_self)] * len(other)  # COCO's "crowd" divides by the first mask's area alone
        return np.asarray(coco_mask.iou(self.as_coco(), other.as_coco(), crowd), dtype=np.float64)

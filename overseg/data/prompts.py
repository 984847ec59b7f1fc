"""Prompts for objects: points, boxes and masks on any frame; and the masks of prompted objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int8, Int32

from overseg.data.columns import Columns
from overseg.data.rles import Rles
from overseg.data.shot import Shot
from overseg.data.video_info import VideoInfo
from overseg.errors import InputError

NO_POINT = -1


@dataclass(frozen=True)
class Prompts(Columns):
    """Each row prompts one object on one frame with points, a box, both, or a mask.

    The order of rows counts. A later row for the same object and frame replaces the earlier one, or adds its points to
    it; then the mask of the earlier one is a prompt too.

    Example:
        >>> click = Prompts.of_points((90, 120), object=1, frame=0, xy=[(60, 45)], labels=[1])
        >>> box = Prompts.of_boxes((90, 120), object=[2], frame=5, boxes_xyxy=[(10, 10, 40, 50)])
        >>> Prompts.concatenate([click, box]).object.tolist()
        [1, 2]

    Attributes:
        rles: the masks; an empty one where no mask is given.
        has_mask: whether a mask is given. An empty mask means that the object is not visible.
        object: number of the object.
        frame: index of the frame.
        point_xy: points in pixels of the frame, p of them at most; NaN where there are fewer.
        point_label: 1 on the object, 0 beside it, NO_POINT where there are fewer.
        box_xyxy: box around the object in pixels of the frame; NaN where none is given.
        adds: whether the points are added to those of the row before for the same object and frame.
    """

    rles: Rles
    has_mask: Bool[np.ndarray, " n"]
    object: Int32[np.ndarray, " n"]
    frame: Int32[np.ndarray, " n"]
    point_xy: Float32[np.ndarray, "n p 2"]
    point_label: Int8[np.ndarray, "n p"]
    box_xyxy: Float32[np.ndarray, "n 4"]
    adds: Bool[np.ndarray, " n"]

    @classmethod
    def of_points(
        cls,
        size: tuple[int, int],
        *,
        object: int,
        frame: int,
        xy: Sequence[tuple[float, float]],
        labels: Sequence[int],
        box_xyxy: Sequence[float] | None = None,
        adds: bool = False,
    ) -> "Prompts":
        """One row of points, with a box if there is one; `size` is the frames' (height, width)."""
        box = np.full(4, np.nan) if box_xyxy is None else np.asarray(box_xyxy)
        return cls(
            rles=Rles.blank(size, 1),
            has_mask=np.zeros(1, bool),
            object=np.array([object], np.int32),
            frame=np.array([frame], np.int32),
            point_xy=np.asarray(xy, np.float32).reshape(1, -1, 2),
            point_label=np.asarray(labels, np.int8)[None],
            box_xyxy=box.astype(np.float32)[None],
            adds=np.array([adds]),
        )

    @classmethod
    def of_boxes(
        cls, size: tuple[int, int], *, object: Sequence[int], frame: int, boxes_xyxy: Sequence[Sequence[float]]
    ) -> "Prompts":
        """One row for each box, all on one frame; `size` is the frames' (height, width)."""
        rows = cls._on_frame(Rles.blank(size, len(object)), object, frame)
        boxes = np.asarray(boxes_xyxy, np.float32).reshape(len(object), 4)
        return cls(**{**vars(rows), "box_xyxy": boxes})

    @classmethod
    def of_masks(cls, rles: Rles, *, object: Sequence[int], frame: int) -> "Prompts":
        """One row for each mask, all on one frame."""
        return cls(**{**vars(cls._on_frame(rles, object, frame)), "has_mask": np.ones(len(rles), bool)})

    @classmethod
    def concatenate(cls, tables: "list[Prompts]") -> "Prompts":
        """The rows of all tables (at least one), in order; InputError if a table's columns differ in length."""
        for table in tables:
            table._check_lengths()
        n_points = max(table.point_label.shape[1] for table in tables)
        return super().concatenate([table._padded(n_points) for table in tables])

    @property
    def has_box(self) -> Bool[np.ndarray, " n"]:
        """Whether each row has a box."""
        return ~np.isnan(self.box_xyxy).any(axis=1)

    @property
    def n_points(self) -> Int32[np.ndarray, " n"]:
        """Number of points of each row."""
        return (self.point_label != NO_POINT).sum(axis=1).astype(np.int32)

    def check(self, info: VideoInfo, shot: Shot | None = None) -> None:
        """Refuse prompts that do not fit a video, or one of its shots.

        Raises:
            InputError: a frame that does not exist, masks of another size, coordinates that are not finite, a row
                without a prompt or with a mask and something else, or columns that differ in length.
        """
        self._check_lengths()
        if self.rles.size != info.size:
            (mask_h, mask_w), (frame_h, frame_w) = self.rles.size, info.size
            raise InputError(f"expected masks of the frames' size {frame_w}x{frame_h}, got {mask_w}x{mask_h}")
        first, last = (0, info.n_frames - 1) if shot is None else (shot.start, shot.stop)
        boxes, labels = self.box_xyxy, self.point_label
        upright = (boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3])
        is_half_a_box = ~(np.isfinite(boxes).all(axis=1) | np.isnan(boxes).all(axis=1))
        is_nowhere = ~np.isfinite(self.point_xy).all(axis=2) & (labels != NO_POINT)
        by_points = self.has_box | (self.n_points > 0)
        for wrong, expected in (
            ((self.frame < first) | (self.frame > last), f"a frame from {first} to {last}"),
            (((labels < NO_POINT) | (labels > 1)).any(axis=1), "labels 1 (on the object) and 0 (beside it)"),
            (is_nowhere.any(axis=1), "points (x, y) in pixels, of finite numbers"),
            (is_half_a_box, "a box (x1, y1, x2, y2) in pixels, of finite numbers"),
            (~(by_points | self.has_mask), "points, a box or a mask"),
            (by_points & self.has_mask, "either a mask, or points and a box: give them in two rows"),
            (self.has_box & ~upright, "a box (x1, y1, x2, y2) with x1 < x2 and y1 < y2"),
            (self.has_box & self.adds, "a box before all points: it cannot be added to them"),
            (self.has_mask & self.adds, "a mask that replaces what was given before: it cannot be added to it"),
        ):
            for row in np.flatnonzero(wrong):
                raise InputError(
                    f"prompt {row} (object {self.object[row]}, frame {self.frame[row]}): expected {expected}"
                )

    def _check_lengths(self) -> None:
        columns = {f.name: np.shape(getattr(self, f.name)) for f in fields(self) if f.name != "rles"}
        n, p = len(self), np.shape(self.point_label)[-1]
        expected = {"point_xy": (n, p, 2), "point_label": (n, p), "box_xyxy": (n, 4)}
        for name, shape in columns.items():
            if shape != expected.get(name, (n,)):
                raise InputError(
                    f"expected prompts with as many rows in each column as there are masks, {n}, and a label for each "
                    f"point: {name} of shape {expected.get(name, (n,))}, got {shape}"
                )

    @classmethod
    def _on_frame(cls, rles: Rles, object: Sequence[int], frame: int) -> "Prompts":
        n = len(rles)
        return cls(
            rles=rles,
            has_mask=np.zeros(n, bool),
            object=np.asarray(object, np.int32),
            frame=np.full(n, frame, np.int32),
            point_xy=np.zeros((n, 0, 2), np.float32),
            point_label=np.zeros((n, 0), np.int8),
            box_xyxy=np.full((n, 4), np.nan, np.float32),
            adds=np.zeros(n, bool),
        )

    def _padded(self, n_points: int) -> "Prompts":
        missing = ((0, 0), (0, n_points - self.point_label.shape[1]))
        xy = np.pad(self.point_xy, (*missing, (0, 0)), constant_values=np.nan)
        label = np.pad(self.point_label, missing, constant_values=NO_POINT)
        return Prompts(**{**vars(self), "point_xy": xy, "point_label": label})


@dataclass(frozen=True)
class ObjectMasks(Columns):
    """Masks of prompted objects: on one frame, or on several.

    Attributes:
        rles: the masks, empty where the object is not visible.
        object: number that the prompts gave the object.
        frame: index of the frame on which the mask lies.
        score: support for this mask, in [0, 1].
    """

    rles: Rles
    object: Int32[np.ndarray, " n"]
    frame: Int32[np.ndarray, " n"]
    score: Float32[np.ndarray, " n"]

    @classmethod
    def on_frame(
        cls, size: tuple[int, int], frame: int, objects: Sequence[int], found: Mapping[int, tuple[bytes, float]]
    ) -> "ObjectMasks":
        """A row for each object on one frame; the mask of an object that is not found is empty, with a score of 0.

        Args:
            size: (height, width) of the masks, in pixels.
            frame: index of the frame.
            objects: their numbers, in the order of the rows.
            found: the run lengths and the score of each object that is found.
        """
        not_found = (Rles.blank(size).counts[0], 0.0)
        rows = [found.get(one, not_found) for one in objects]
        return cls(
            rles=Rles(size, tuple(counts for counts, _ in rows)),
            object=np.array(objects, np.int32),
            frame=np.full(len(objects), frame, np.int32),
            score=np.array([score for _, score in rows], np.float32),
        )

    def by_object(self) -> dict[int, tuple[bytes, float]]:
        """The run lengths and the score of each object, of masks on one frame; the reverse of `on_frame`."""
        rows = zip(self.rles.counts, self.score.tolist(), strict=True)
        return dict(zip(self.object.tolist(), rows, strict=True))

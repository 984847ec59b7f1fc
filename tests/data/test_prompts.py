"""Tables of prompts, and invalid prompts."""

import math

import numpy as np
import pytest

from overseg.data.prompts import NO_POINT, Prompts
from overseg.data.rles import Rles
from overseg.data.video_info import VideoInfo
from overseg.errors import InputError

SIZE = (6, 8)
INFO = VideoInfo("toy", "0", n_frames=5, height=6, width=8, fps=25.0)
DISC = Rles.from_masks(np.ones((1, *SIZE), bool))


def click(**changes) -> Prompts:
    return Prompts.of_points(SIZE, **({"object": 1, "frame": 0, "xy": [(2, 3)], "labels": [1]} | changes))


def test_one_table_holds_rows_of_all_kinds():
    boxes = Prompts.of_boxes(SIZE, object=[2, 3], frame=4, boxes_xyxy=[(0, 0, 2, 3), (1, 1, 5, 5)])
    two = click(object=5, xy=[(1, 1), (2, 2)], labels=[1, 0], box_xyxy=(0, 0, 4, 4))
    table = Prompts.concatenate([click(), boxes, Prompts.of_masks(DISC, object=[4], frame=2), two])
    table.check(INFO)
    assert table.object.tolist() == [1, 2, 3, 4, 5]
    assert table.frame.tolist() == [0, 4, 4, 2, 0]
    assert table.n_points.tolist() == [1, 0, 0, 0, 2]
    assert table.has_box.tolist() == [False, True, True, False, True]
    assert table.has_mask.tolist() == [False, False, False, True, False]
    assert table.rles.area_px().tolist() == [0, 0, 0, 48, 0]
    assert table.point_label.tolist()[0] == [1, NO_POINT]
    assert table.take(np.array([4])).point_xy.tolist() == [[[1, 1], [2, 2]]]


def test_no_rows():
    nothing = Prompts.of_masks(Rles.empty(SIZE), object=[], frame=0)
    nothing.check(INFO)
    assert len(nothing) == len(Prompts.concatenate([nothing, nothing])) == 0


def altered(prompts: Prompts, **columns: np.ndarray) -> Prompts:
    """The table with other columns, valid or not."""
    for name, column in columns.items():
        object.__setattr__(prompts, name, column)
    return prompts


def both() -> Prompts:
    mask = Prompts.of_masks(DISC, object=[1], frame=0)
    return Prompts(**{**vars(mask), "box_xyxy": np.array([[0, 0, 2, 2]], np.float32)})


@pytest.mark.parametrize(
    ("prompts", "line"),
    [
        (click(frame=5), r"prompt 0 \(object 1, frame 5\): expected a frame from 0 to 4"),
        (click(frame=-1), "expected a frame from 0 to 4"),
        (click(labels=[2]), "expected labels 1 .* and 0"),
        (click(xy=[], labels=[]), "expected points, a box or a mask"),
        (click(xy=[(2, math.nan)]), r"prompt 0 \(object 1, frame 0\): expected points \(x, y\) .* finite"),
        (click(xy=[(2, 3), (math.inf, 3)], labels=[1, 0]), "expected points .* finite"),
        (click(box_xyxy=(1, 1, math.nan, 5)), "expected a box .* finite"),
        (click(xy=[], labels=[], box_xyxy=(1, math.nan, 3, 5)), "expected a box .* finite"),
        (click(box_xyxy=(1, 1, 3, math.inf)), "expected a box .* finite"),
        (click(xy=[], labels=[], box_xyxy=[math.nan] * 4), "expected points, a box or a mask"),
        (altered(Prompts.of_masks(DISC, object=[1], frame=0), adds=np.array([True])), "expected a mask that replaces"),
        (both(), "expected either a mask, or points and a box"),
        (click(box_xyxy=(3, 3, 3, 5)), "expected a box .* x1 < x2"),
        (click(box_xyxy=(1, 1, 3, 5), adds=True), "expected a box before all points"),
        (Prompts.of_masks(Rles.empty((3, 4)), object=[], frame=0), "frames' size 8x6, got 4x3"),
    ],
)
def test_invalid_prompts(prompts, line):
    with pytest.raises(InputError, match=line):
        prompts.check(INFO)


def test_the_error_names_the_row():
    with pytest.raises(InputError, match=r"prompt 1 \(object 8, frame 9\)"):
        Prompts.concatenate([click(), click(object=8, frame=9)]).check(INFO)


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ({"frame": np.zeros(2, np.int32)}, r"frame of shape \(1,\), got \(2,\)"),
        ({"has_mask": np.zeros(0, bool)}, r"has_mask of shape \(1,\), got \(0,\)"),
        ({"rles": Rles.empty(SIZE)}, r"masks, 0, .*: has_mask of shape \(0,\), got \(1,\)"),
        ({"point_label": np.ones((1, 2), np.int8)}, r"point_xy of shape \(1, 2, 2\), got \(1, 1, 2\)"),
        ({"box_xyxy": np.zeros((1, 2), np.float32)}, r"box_xyxy of shape \(1, 4\), got \(1, 2\)"),
    ],
)
@pytest.mark.parametrize("use", [lambda prompts: prompts.check(INFO), lambda prompts: Prompts.concatenate([prompts])])
def test_columns_that_do_not_fit_together(columns, line, use):
    with pytest.raises(InputError, match=line):
        use(altered(click(), **columns))

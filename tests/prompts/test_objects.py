"""Prompts for an object from several sources become one row."""

import numpy as np
import pytest

from overseg.data.rles import Rles
from overseg.data.track_names import TrackName
from overseg.errors import InputError
from overseg.prompts.objects import Pointed, gather

SIZE = (40, 60)


def gathered(*pointed: Pointed, size: tuple[int, int] = SIZE):
    return gather(pointed, input_size=SIZE, size=size, frame=3)


def mask(size: tuple[int, int] = SIZE, *, of: slice = slice(5, 20)) -> Rles:
    whole = np.zeros((1, *size), bool)
    whole[0, of, of] = True
    return Rles.from_masks(whole)


def test_a_box_and_points_of_one_name_are_one_object():
    objects = gathered(
        Pointed("cup", "a", box_xyxy=(1, 2, 30, 20)),
        Pointed("spoon", "b", points=((50, 30, 1),), category="cutlery"),
        Pointed("cup", "c", points=((5, 6, 1), (7, 8, 0))),
    )
    assert objects.names == (TrackName("cup", "cup"), TrackName("spoon", "cutlery"))
    prompts = objects.prompts
    assert prompts.object.tolist() == [0, 1]
    assert prompts.frame.tolist() == [3, 3]
    assert prompts.box_xyxy[0].tolist() == [1, 2, 30, 20]
    assert prompts.point_xy[0].tolist() == [[5, 6], [7, 8]]
    assert prompts.point_label.tolist() == [[1, 0], [1, -1]]
    assert prompts.has_box.tolist() == [True, False]


def test_all_of_it_shrinks_with_the_frames():
    objects = gathered(
        Pointed("box", "a", box_xyxy=(10, 20, 30, 40), points=((20, 30, 1),)),
        Pointed("mask", "b", mask=mask()),
        size=(20, 30),
    )
    assert objects.prompts.box_xyxy[0].tolist() == [5, 10, 15, 20]
    assert objects.prompts.point_xy[0, 0].tolist() == [10, 15]
    assert objects.prompts.rles.size == (20, 30)
    assert objects.prompts.rles.boxes_xywh()[1].tolist() == [2, 2, 8, 8]


@pytest.mark.parametrize(
    ("pointed", "message"),
    [
        ([Pointed("cup", "there", box_xyxy=(9, 2, 9, 20))], "there: expected xmin < xmax and ymin < ymax, got 9, 2, 9"),
        ([Pointed("cup", "there", box_xyxy=(0, 0, 61, 20))], "there: expected a box inside the picture of 60 x 40 px"),
        ([Pointed("cup", "there", box_xyxy=(-1, 0, 6, 20))], "got -1, 0, 6, 20"),
        ([Pointed("cup", "there", points=((60, 0, 1),))], "there: expected a point inside the picture of 60 x 40 px"),
        ([Pointed("cup", "there", points=((6, 0, 2),))], "there: expected the label 1 (on the object) or 0"),
        ([Pointed("cup", "there", points=((6, 0, 0),))], "there: expected a box, or a point with the label 1"),
        ([Pointed("cup", "there", mask=mask((8, 9)))], "of 60 x 40 px, got 9 x 8 px"),
        ([Pointed("cup", "there", mask=mask(of=slice(0, 0)))], "there: expected a mask with a pixel in it"),
        ([Pointed("cup", "there", mask=mask(), points=((6, 0, 1),))], "there: expected either a mask or points"),
        (
            [Pointed("cup", "here", box_xyxy=(0, 0, 6, 20)), Pointed("cup", "there", mask=mask())],
            "there: the object 'cup' has a box or mask already (here); give each object a name of its own",
        ),
    ],
)
def test_invalid_prompts_are_refused_with_their_source(pointed, message):
    with pytest.raises(InputError) as error:
        gathered(*pointed)
    assert message in str(error.value)


def test_a_box_may_reach_all_four_sides():
    assert gathered(Pointed("all", "a", box_xyxy=(0, 0, 60, 40))).prompts.has_box.all()

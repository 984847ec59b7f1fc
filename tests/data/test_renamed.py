"""Old public names still work, and warn with the new name."""

import numpy as np
import pytest

from overseg.data.appearances import Appearances
from overseg.data.budget import Budget, Spent
from overseg.data.masks import KeyframeMasks, Masks
from overseg.data.renamed import Renamed, renamed_option
from overseg.data.rles import Rles
from overseg.data.track_tree import TrackTree


class Shelf:
    width = 3
    breadth = Renamed("width")

    @renamed_option("factor", "scale")
    def scaled(self, *, scale: int = 1) -> int:
        return self.width * scale

    times = Renamed("scaled")


def test_an_old_attribute_warns_and_works():
    with pytest.warns(DeprecationWarning, match=r"Shelf\.breadth is now called width"):
        assert Shelf().breadth == 3


def test_an_old_method_and_an_old_option_warn_and_work():
    with pytest.warns(DeprecationWarning, match=r"Shelf\.times is now called scaled"):
        assert Shelf().times(scale=2) == 6
    with pytest.warns(DeprecationWarning, match="the option factor of scaled is now called scale"):
        assert Shelf().scaled(factor=2) == 6


def test_an_option_given_under_both_names_is_refused():
    with pytest.warns(DeprecationWarning), pytest.raises(TypeError, match="got scale, and again as factor"):
        Shelf().scaled(factor=2, scale=2)


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        (KeyframeMasks.from_rles(Rles.empty((4, 6))), "level", "sam_output"),
        (KeyframeMasks.from_rles(Rles.empty((4, 6))), "levels", "sam_outputs"),
        (KeyframeMasks.from_rles(Rles.empty((4, 6))), "look", "appearance"),
        (Masks.empty((4, 6)), "level", "sam_output"),
        (Masks.empty((4, 6)), "levels", "sam_outputs"),
        (Appearances.empty(), "look", "appearance"),
        (TrackTree.from_part_of(np.array([-1, 0], np.int32)), "level", "depth"),
        (TrackTree.from_part_of(np.array([-1, 0], np.int32)), "n_levels", "n_depths"),
    ],
)
def test_old_columns_are_the_new_ones(table, old, new):
    with pytest.warns(DeprecationWarning, match=f"is now called {new}"):
        assert np.array_equal(getattr(table, old), getattr(table, new))


def test_the_old_name_of_a_budgets_check():
    with pytest.warns(DeprecationWarning, match=r"Budget\.met is now called limit_reached"):
        assert Budget(max_masks=1).met(Spent(seconds=0, coverage=0, n_masks=1, work=0)) == "masks=1"

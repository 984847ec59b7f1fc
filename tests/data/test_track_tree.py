"""The containment tree: ancestors, descendants, depths, and invalid trees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overseg.data.track_tree import TrackTree
from overseg.errors import StoreError


def tree(*part_of: int) -> TrackTree:
    return TrackTree.from_part_of(np.array(part_of, np.int32))


def test_ancestors_and_descendants():
    family = tree(3, -1, 3, 1, -1, 2)
    assert family.roots().tolist() == [1, 4]
    assert [family.children(track).tolist() for track in range(6)] == [[], [3], [5], [0, 2], [], []]
    assert family.depth.tolist() == [2, 0, 2, 1, 0, 3]
    assert family.ancestors(5).tolist() == [2, 3, 1]
    assert family.descendants(1).tolist() == [3, 0, 2, 5]
    assert (family.n_depths, len(family)) == (4, 6)


def test_no_tracks():
    assert (tree().n_depths, tree().roots().tolist(), len(tree())) == (0, [], 0)


@given(st.lists(st.integers(-1, 30), max_size=31))
def test_every_track_is_a_child_of_its_part_of(above):
    part_of = [min(parent, track - 1) for track, parent in enumerate(above)]
    family = tree(*part_of)
    found = {int(child): track for track in range(len(family)) for child in family.children(track)}
    assert [found.get(track, -1) for track in range(len(family))] == part_of
    assert [len(family.ancestors(track)) for track in range(len(family))] == family.depth.tolist()


@pytest.mark.parametrize("part_of", [[0], [1, 0], [1, 2, 1], [2], [-2]])
def test_invalid_trees_are_refused(part_of):
    with pytest.raises(StoreError, match="run again"):
        tree(*part_of)


@pytest.mark.parametrize("track", [-1, 2])
def test_no_such_track(track):
    for ask in (tree(-1, 0).children, tree(-1, 0).ancestors, tree(-1, 0).descendants):
        with pytest.raises(IndexError, match="0 to 1"):
            ask(track)

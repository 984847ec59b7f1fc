"""Re-identification: regions similar in appearance, size and place are one track; without one of these they are not."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overseg.associate.overlap import OverlapAssociator
from overseg.associate.reappearance import Reappearance
from overseg.data.appearances import Appearances
from overseg.data.masks import APPEARANCE_SIZE, region_id
from overseg.data.shot import Shot
from overseg.data.spans import Spans
from overseg.data.visit import Edges
from overseg.engine.tracks.grouping import Sightings, group

RED, GREEN = np.eye(2, APPEARANCE_SIZE) * 127


@dataclass(frozen=True)
class One:
    """A region that is seen from `first` to `last` and was made on the first, or on `made`."""

    first: int
    last: int
    centre_xy: tuple[float, float] = (50, 50)
    appearance: np.ndarray | None = None
    size_px: tuple[float, float] = (20, 20)
    area_px: int = 300
    made: int | None = None
    of: int | None = None  # the region, by its place in the list, of whose group it is


def rejoined(*ones: One) -> list[int]:
    """For each, the place in the list of the first of its group."""
    spans, appearances = tables(*ones)
    groups = spans.region[[at if one.of is None else one.of for at, one in enumerate(ones)]]
    found = Reappearance().reidentify(groups, spans, appearances)
    return np.searchsorted(spans.region, found).tolist()


def tables(*ones: One) -> tuple[Spans, Appearances]:
    made = [one.first if one.made is None else one.made for one in ones]
    region = np.array([int(region_id(frame, 0, np.array([at]))[0]) for at, frame in enumerate(made)], np.int64)
    assert (np.diff(region) > 0).all()
    first, last = (np.array([getattr(one, name) for one in ones], np.int32) for name in ("first", "last"))
    centre, size = (np.array([getattr(one, name) for one in ones], np.float32) for name in ("centre_xy", "size_px"))
    appearance = np.array([RED if one.appearance is None else one.appearance for one in ones]).round().astype(np.int8)
    appearances = Appearances(
        region, np.array([one.area_px for one in ones], np.int32), np.hstack([centre - size / 2, size]), appearance
    )
    return Spans(region, first, last), appearances.take(appearance.any(axis=1))


def between(likeness: float) -> np.ndarray:
    """An appearance with this cosine similarity to RED."""
    return likeness * RED + np.sqrt(1 - likeness**2) * GREEN


def test_a_region_that_comes_back_is_re_identified():
    assert rejoined(One(0, 8), One(20, 30)) == [0, 0]
    assert rejoined(One(0, 8), One(20, 30), One(40, 50)) == [0, 0, 0]


@pytest.mark.parametrize(
    ("other", "is_joined"),
    [
        (One(20, 30, appearance=between(0.95)), True),
        (One(20, 30, appearance=between(0.88)), False),
        (One(20, 30, appearance=-RED), False),
        (One(20, 30, appearance=np.zeros(APPEARANCE_SIZE)), False),
        (One(20, 30, centre_xy=(115, 50)), True),  # 65 px, of 20 * (0.5 + 20 * 0.15)
        (One(20, 30, centre_xy=(125, 50)), False),
        (One(20, 30, area_px=440), True),
        (One(20, 30, area_px=460), False),
        (One(20, 30, size_px=(38, 20)), True),
        (One(20, 30, size_px=(20, 42)), False),
        (One(60, 70), True),
        (One(61, 70), False),
    ],
)
def test_only_a_similar_region_nearby_and_soon_is_re_identified(other, is_joined):
    assert rejoined(One(0, 8), other) == [0, 0 if is_joined else 1]


def test_regions_seen_at_the_same_time_are_never_one():
    assert rejoined(One(0, 20), One(20, 30)) == [0, 1]
    assert rejoined(One(0, 20), One(25, 30, made=25)) == [0, 0]
    assert rejoined(One(0, 20), One(15, 30, made=25)) == [0, 1]


def test_a_group_is_visible_as_long_as_any_of_its_regions():
    """The first of three is joined to the second, which is visible until the third is."""
    assert rejoined(One(0, 8), One(5, 30, of=0), One(20, 40)) == [0, 0, 2]
    assert rejoined(One(0, 8), One(5, 19, of=0), One(20, 40)) == [0, 0, 0]


def test_the_last_region_of_one_group_is_compared_with_the_first_of_the_other():
    green, red = One(0, 4, appearance=GREEN), One(5, 8, of=0)
    assert rejoined(green, red, One(20, 25), One(25, 30, appearance=GREEN, of=2)) == [0, 0, 0, 0]
    assert rejoined(One(0, 4), One(5, 8, appearance=GREEN, of=0), One(20, 25)) == [0, 0, 2]


def test_the_most_similar_groups_are_joined_and_each_to_one_only():
    near, nearer = between(0.94), between(0.99)
    assert rejoined(One(0, 8), One(20, 30, appearance=near), One(20, 30, appearance=nearer)) == [0, 1, 0]
    assert rejoined(One(0, 8, appearance=near), One(0, 8, appearance=nearer), One(20, 30)) == [0, 1, 1]


def test_an_appearance_without_a_mask_in_the_result_is_ignored():
    spans, appearances = tables(One(0, 8), One(9, 9, appearance=GREEN), One(20, 30))
    kept = np.array([0, 2])
    groups = spans.region[kept]
    assert Reappearance().reidentify(groups, spans.take(kept), appearances).tolist() == [groups[0]] * 2
    assert Reappearance().reidentify(groups[:0], spans.take(kept[:0]), appearances).tolist() == []


@pytest.mark.parametrize(("shots", "n_tracks"), [([Shot(0, 39)], 1), ([Shot(0, 14), Shot(15, 39)], 2)])
def test_nothing_is_re_identified_across_a_cut(shots, n_tracks):
    spans, appearances = tables(One(0, 8), One(20, 30))
    sightings = Sightings(spans, spans.first_frame, spans.region, Edges.empty(), appearances)
    for reappearance, expected in ((Reappearance(), n_tracks), (None, 2)):
        found = group(sightings, OverlapAssociator(reappearance=reappearance), shots)
        assert (len(np.unique(found.track)), found.n_rejoined) == (expected, 2 - expected)


ones = st.builds(
    lambda made, before, after, x, likeness: One(
        made - before, made + after, centre_xy=(x, 50), appearance=between(likeness), made=made
    ),
    st.sampled_from(range(5, 60, 5)),
    st.integers(0, 4),
    st.integers(0, 12),
    st.sampled_from([50, 60, 200]),
    st.sampled_from([0.2, 0.93, 0.96, 1.0]),
)


@settings(deadline=None)
@given(st.lists(ones, min_size=1, max_size=12), st.randoms())
def test_no_frame_shows_two_masks_of_a_track_and_order_changes_nothing(some, random):
    some = sorted(some, key=lambda one: one.made)
    found = rejoined(*some)
    for track in set(found):
        members = sorted((one for one, of in zip(some, found, strict=True) if of == track), key=lambda one: one.first)
        assert all(one.last < other.first for one, other in pairwise(members))
    spans, appearances = tables(*some)
    shuffled = spans.take(np.array(random.sample(range(len(spans)), len(spans))))  # as visits may come
    assert (
        np.searchsorted(spans.region, Reappearance().reidentify(spans.region, shuffled.joined(), appearances)).tolist()
        == found
    )

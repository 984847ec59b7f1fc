"""Association by overlap: matches on a keyframe, and tracks over the video."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overseg.associate.containment import Containment
from overseg.associate.overlap import OverlapAssociator
from overseg.data.masks import region_id
from overseg.data.rles import Rles
from overseg.data.tracks import Tracks
from overseg.data.visit import Edges


def boxes(*spans: tuple[int, int]) -> Rles:
    """Masks that are columns of a 4 x 100 picture, each from one column up to another."""
    masks = np.zeros((len(spans), 4, 100), dtype=bool)
    for mask, (start, stop) in zip(masks, spans, strict=True):
        mask[:, start:stop] = True
    return Rles.from_masks(masks)


def edges(*rows: tuple[str, str, int, float]) -> Edges:
    """Edges from (from, to, frame, iou)."""
    columns = list(zip(*((region(a), region(b), frame, iou) for a, b, frame, iou in rows), strict=True)) or [[]] * 4
    return Edges(*(np.array(c, t) for c, t in zip(columns, ("int64", "int64", "int32", "float32"), strict=True)))


def region(name: str) -> int:
    """The id of mask `a`, `b` or so on of keyframe 10, by a name such as `10b`."""
    return int(region_id(int(name[:-1]), 0, np.array([ord(name[-1])]))[0])


def linked(some: Edges, *seen: str, also: dict[str, list[int]] | None = None) -> list[str]:
    """The groups of the regions named, which are seen on their own keyframes and `also` elsewhere."""
    names = sorted(seen, key=region)
    pairs = [(int(name[:-1]), name) for name in seen]
    pairs += [(frame, name) for name, frames in (also or {}).items() for frame in frames]
    regions = np.array([region(name) for name in names], np.int64)
    groups = OverlapAssociator().link(
        regions, some, np.array([f for f, _ in pairs], np.int32), np.array([region(r) for _, r in pairs], np.int64)
    )
    return [" ".join(names[row] for row in np.flatnonzero(groups == group)) for group in np.unique(groups)]


def test_overlapping_masks_match():
    matches = OverlapAssociator(match_iou=0.5).match(boxes((0, 10), (50, 60), (80, 90)), boxes((51, 61), (1, 11)))
    assert list(zip(matches.propagated.tolist(), matches.mask.tolist(), strict=True)) == [(0, 1), (1, 0)]
    assert matches.iou == pytest.approx([9 / 11, 9 / 11])
    assert matches.explained.tolist() == [0, 1]


def test_masks_with_less_than_match_iou_are_kept_but_not_explained():
    matches = OverlapAssociator(match_iou=0.7).match(boxes((0, 8), (0, 10), (0, 5), (0, 3)), boxes((0, 10)))
    assert (matches.propagated.tolist(), matches.explained.tolist()) == ([0, 1, 2], [0, 1])


@pytest.mark.parametrize(("propagated", "masks"), [((), ()), (((0, 9),), ()), ((), ((0, 9),))])
def test_no_masks_no_matches(propagated, masks):
    matches = OverlapAssociator().match(boxes(*propagated), boxes(*masks))
    assert len(matches.propagated) == len(matches.mask) == len(matches.iou) == len(matches.explained) == 0


def test_of_two_regions_that_overlap_one_mask_the_better_is_matched():
    some = edges(("0a", "5a", 5, 0.8), ("0b", "5a", 5, 0.9), ("0a", "5b", 5, 0.7), ("0c", "5c", 5, 0.5))
    assert OverlapAssociator().one_to_one(some).tolist() == [False, True, True, False]
    assert OverlapAssociator().one_to_one(Edges.empty()).tolist() == []


def test_the_weakest_edge_is_dropped_where_two_regions_of_a_keyframe_would_be_joined():
    chain = edges(("0a", "5a", 5, 0.9), ("0b", "5a", 5, 0.7))
    assert linked(chain, "0a", "0b", "5a") == ["0a 5a", "0b"]


@pytest.mark.parametrize(("iou_of_newcomer", "follows"), [(0.8, "40a"), (0.95, "40b")])
def test_a_long_track_keeps_the_next_mask_where_a_newcomer_agrees_little_better(iou_of_newcomer, follows):
    track = [(f"{frame}a", f"{frame + 10}a", frame + 10, 0.97) for frame in range(10, 40, 10)]
    fork = [("40a", "50a", 50, 0.75), ("40b", "50a", 50, iou_of_newcomer)]
    found = linked(edges(*fork, *track), "10a", "20a", "30a", "40a", "40b", "50a")
    assert next(group for group in found if "50a" in group).split()[-2] == follows


def test_regions_far_apart_in_a_chain_still_exclude_each_other():
    chain = edges(("0a", "5a", 5, 0.9), ("5a", "10a", 10, 0.9), ("10a", "5b", 5, 0.8))
    assert linked(chain, "0a", "5a", "5b", "10a") == ["0a 5a 10a", "5b"]


def test_a_region_propagated_past_a_keyframe_differs_from_those_made_there():
    assert linked(edges(("0a", "5a", 10, 0.9)), "0a", "5a", also={"0a": [5, 10], "5a": [10]}) == ["0a", "5a"]


def test_a_region_propagated_past_a_mask_that_it_matches_is_not_distinguished_from_it():
    """0a overlaps 5a a little and is propagated on; both match 10a."""
    some = edges(("0a", "5a", 5, 0.5), ("0a", "10a", 10, 0.7), ("5a", "10a", 10, 0.8))
    assert linked(some, "0a", "5a", "10a", also={"0a": [5]}) == ["0a 5a 10a"]


def test_the_halves_of_a_mask_are_not_in_its_track():
    """0a is propagated past its halves. Both overlap half of it, and one matches it well once."""
    some = edges(("0a", "5a", 5, 0.5), ("0a", "5b", 5, 0.5), ("0a", "10a", 10, 0.9), ("5a", "10a", 10, 0.62))
    assert linked(some, "0a", "5a", "5b", "10a", also={"0a": [5]}) == ["0a 10a", "5a", "5b"]


def test_a_mask_that_drifted_past_its_match_distinguishes_nothing():
    """0a matches 5a, and is propagated on to 10a, which continues 5a."""
    some = edges(("0a", "5a", 5, 0.65), ("5a", "10a", 10, 0.9))
    assert linked(some, "0a", "5a", "10a", also={"0a": [5, 10]}) == ["0a 5a 10a"]


@pytest.mark.parametrize(("ious", "n_groups"), [((0.55, 0.55), 1), ((0.55,), 2), ((0.45, 0.45), 2)])
def test_regions_that_nearly_agree_from_both_directions_are_one(ious, n_groups):
    some = edges(*(("0a", "5a", frame, iou) for frame, iou in zip((5, 0), ious, strict=False)))
    assert len(linked(some, "0a", "5a")) == n_groups


def test_evidence_is_the_mean_over_all_keyframes():
    """0a agrees with both once; with 5a it does on the mean as well."""
    some = edges(("0a", "5a", 5, 0.7), ("5a", "0a", 0, 0.75), ("0a", "5b", 5, 0.8), ("5b", "0a", 0, 0.4))
    assert linked(some, "0a", "5a", "5b") == ["0a 5a", "5b"]


NAMES = [f"{frame}{row}" for frame in (0, 5, 10) for row in "abc"]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.sampled_from(NAMES),
            st.sampled_from([0, 5, 10]),
            st.sampled_from([0.45, 0.5, 0.6, 0.7, 0.8]),
        )
    ),
    st.randoms(),
)
def test_the_order_of_the_edges_changes_nothing_and_no_track_has_two_masks_of_a_keyframe(rows, random):
    rows = [(a, b, frame, iou) for a, b, frame, iou in rows if a != b]
    also = {"0a": [5, 10], "10b": [5]}
    groups = linked(edges(*rows), *NAMES, also=also)
    random.shuffle(rows)
    assert linked(edges(*rows), *NAMES, also=also) == groups
    assert all(len({name[:-1] for name in group.split()}) == len(group.split()) for group in groups)


def part_of(frames: list[tuple[list[int], Rles]]) -> list[int]:
    """Containment over frames, given the tracks of each frame's masks."""
    n_tracks = 1 + max(track for tracks, _ in frames for track in tracks)
    area, last, count = np.zeros(n_tracks), np.zeros(n_tracks, np.int32), np.zeros(n_tracks)
    for frame, (tracks, rles) in enumerate(frames):
        area[tracks] += rles.area_px()
        count[tracks] += 1
        last[tracks] = frame
    none = np.zeros(n_tracks, np.int32)
    mean_area_px = (area / count).astype(np.float32)
    table = Tracks(none, last, none, mean_area_px, mean_area_px, none.astype(np.int8), none)
    containment = Containment(table)
    for frame, (tracks, rles) in enumerate(frames):
        containment.add(frame, np.array(tracks, np.int32), rles)
    return containment.part_of().tolist()


def test_a_part_belongs_to_the_smallest_track_that_contains_it():
    frames = [([0, 1, 2, 3], boxes((0, 80), (10 + s, 40 + s), (12 + s, 20 + s), (70, 95))) for s in (0, 5)]
    assert part_of(frames) == [-1, 0, 1, -1]


def test_a_track_contained_on_few_of_its_frames_is_no_part():
    assert part_of([([0, 1], boxes((0, 80), (10, 20))), ([1], boxes((10, 20))), ([1], boxes((10, 20)))]) == [-1, -1]


def test_a_track_half_inside_is_no_part():
    assert part_of([([0, 1], boxes((0, 80), (70, 90)))]) == [-1, -1]


def test_two_tracks_of_one_shape_are_not_parts_of_each_other():
    assert part_of([([0, 1], boxes((0, 40), (0, 41)))]) == [-1, -1]


def test_a_whole_that_ends_before_its_part_is_remembered():
    assert part_of([([0, 1], boxes((0, 80), (10, 20))), ([1], boxes((10, 20)))]) == [-1, 0]

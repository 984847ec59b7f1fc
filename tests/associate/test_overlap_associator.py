"""Association by overlap: who meets whom on a keyframe, and who is one over the video."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overseg.associate.containment import Containment
from overseg.associate.overlap import OverlapAssociator
from overseg.data.rles import Rles
from overseg.data.tracks import Tracks
from overseg.data.visit import Edges


def boxes(*spans: tuple[int, int]) -> Rles:
    """Masks that are columns of a 4 x 100 picture, each from one column up to another."""
    masks = np.zeros((len(spans), 4, 100), dtype=bool)
    for mask, (start, stop) in zip(masks, spans, strict=True):
        mask[:, start:stop] = True
    return Rles.from_masks(masks)


def edges(*rows: tuple[int, int, int, float]) -> Edges:
    """Edges from (from, to, frame, iou)."""
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    return Edges(*(np.array(c, t) for c, t in zip(columns, ("int64", "int64", "int32", "float32"), strict=True)))


def linked(some: Edges, seen: dict[int, list[int]]) -> list[list[int]]:
    """The groups of regions, of which seen[region] are the keyframes."""
    pairs = [(frame, region) for region, frames in seen.items() for frame in frames]
    regions = np.array(sorted(seen), np.int64)
    groups = OverlapAssociator().link(
        regions, some, np.array([f for f, _ in pairs], np.int32), np.array([r for _, r in pairs], np.int64)
    )
    return [regions[groups == group].tolist() for group in np.unique(groups)]


def test_each_mask_meets_the_one_it_agrees_with_most():
    meetings = OverlapAssociator(match_iou=0.5).meet(boxes((0, 10), (50, 60), (80, 90)), boxes((51, 61), (1, 11)))
    assert list(zip(meetings.arrived.tolist(), meetings.mask.tolist(), strict=True)) == [(0, 1), (1, 0)]
    assert meetings.iou == pytest.approx([9 / 11, 9 / 11])
    assert meetings.explained.tolist() == [0, 1]


def test_of_two_that_meet_one_mask_the_better_gets_it_and_both_are_explained():
    meetings = OverlapAssociator(match_iou=0.5).meet(boxes((0, 8), (0, 10)), boxes((0, 10)))
    assert (meetings.arrived.tolist(), meetings.mask.tolist(), meetings.explained.tolist()) == ([1], [0], [0, 1])


@pytest.mark.parametrize(("arrived", "masks"), [((), ()), (((0, 9),), ()), ((), ((0, 9),))])
def test_nothing_meets_nothing(arrived, masks):
    meetings = OverlapAssociator().meet(boxes(*arrived), boxes(*masks))
    assert len(meetings.arrived) == len(meetings.mask) == len(meetings.iou) == len(meetings.explained) == 0


def test_the_weakest_edge_gives_way_where_two_regions_of_a_frame_would_become_one():
    chain = edges((1, 3, 5, 0.9), (2, 3, 5, 0.7))
    assert linked(chain, {1: [0], 2: [0], 3: [5]}) == [[1, 3], [2]]


def test_regions_far_apart_in_a_chain_still_exclude_each_other():
    chain = edges((1, 2, 5, 0.9), (2, 3, 10, 0.9), (3, 4, 5, 0.8))  # 4 is seen on the frame of 2
    assert linked(chain, {1: [0], 2: [5], 3: [10], 4: [5]}) == [[1, 2, 3], [4]]


def test_a_region_seen_on_several_keyframes_excludes_on_all_of_them():
    assert linked(edges((1, 2, 10, 0.9)), {1: [0, 5, 10], 2: [5]}) == [[1], [2]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([0.6, 0.7, 0.8]))), st.randoms())
def test_the_order_of_the_edges_changes_nothing_and_no_group_holds_two_regions_of_a_frame(rows, random):
    seen = {region: [region % 4] for region in range(10)}
    rows = [(a, b, 0, iou) for a, b, iou in rows]
    groups = linked(edges(*rows), seen)
    random.shuffle(rows)
    assert linked(edges(*rows), seen) == groups
    assert all(len({region % 4 for region in group}) == len(group) for group in groups)


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


def test_what_is_contained_on_few_of_its_frames_only_is_no_part():
    assert part_of([([0, 1], boxes((0, 80), (10, 20))), ([1], boxes((10, 20))), ([1], boxes((10, 20)))]) == [-1, -1]


def test_what_lies_half_inside_is_no_part():
    assert part_of([([0, 1], boxes((0, 80), (70, 90)))]) == [-1, -1]


def test_two_tracks_of_one_shape_are_not_parts_of_each_other():
    assert part_of([([0, 1], boxes((0, 40), (0, 41)))]) == [-1, -1]


def test_a_whole_that_ends_before_its_part_is_remembered():
    assert part_of([([0, 1], boxes((0, 80), (10, 20))), ([1], boxes((10, 20)))]) == [-1, 0]

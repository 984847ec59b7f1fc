"""Filters, labels, and where to cut: the same for every format."""

import numpy as np
import pytest
from interchange.interchange_samples import N_FRAMES

from overseg.data.filters import Cut, Filters
from overseg.errors import InputError, SettingsError
from overseg.interchange.relabel import read_labels
from overseg.interchange.selection import Selection


def ids(selection: Selection) -> set[int]:
    """Objects that are on some frame."""
    return {id for frame in selection for id in frame.masks.track.tolist()}


def of(result, **filters) -> Selection:
    return Selection(result, Filters(**filters))


@pytest.mark.parametrize(
    ("filters", "which"),
    [
        ({}, lambda tracks: tracks.n_frames > 0),
        ({"min_length": 6}, lambda tracks: tracks.n_frames >= 6),
        ({"min_area_px": 900}, lambda tracks: tracks.mean_area_px >= 900),
        ({"min_score": 0.93}, lambda tracks: tracks.mean_score >= 0.93),
        ({"sam_output": "part"}, lambda tracks: tracks.sam_output == 1),
        ({"start": 1, "new_only": True}, lambda tracks: tracks.first_frame >= 1),
        ({"end": 1}, lambda tracks: tracks.first_frame < 1),
    ],
)
def test_tracks_that_are_wanted(result, filters, which):
    selection = of(result, **filters)
    expected = np.flatnonzero(which(result.tracks)).tolist()
    assert ids(selection) == set(expected) and selection.objects.id.tolist() == expected
    assert filters == {} or len(expected) < len(result.tracks)
    assert expected


def test_frames_that_are_wanted(result):
    selection = of(result, start=3, end=6)
    assert [(frame.number, frame.position) for frame in selection] == [(3, 0), (4, 1), (5, 2)]
    assert len(of(result, start=N_FRAMES - 1, end=99)) == 1


def test_what_contains_an_object_is_one_that_is_there(result):
    """The cup is part of the tray; without the tray, of the table."""
    tree = result.tree
    cup = next(track for track in range(len(tree)) if len(tree.ancestors(track)) == 2)
    tray, table = tree.ancestors(cup).tolist()
    labels = Selection(result, Filters()).objects
    assert labels.part_of[cup] == tray
    kept = Filters(min_area_px=0)
    without = np.arange(len(tree)) != tray
    selection = Selection(result, kept, labels=_numbers(np.where(without, np.arange(len(tree)), -1)))
    assert selection.objects.part_of[selection.objects.id.tolist().index(cup)] == table


def _numbers(id):
    from overseg.interchange.relabel import Labels

    return Labels(id.astype(np.int64), np.zeros(len(id), np.int32), ("object",))


def test_tracks_of_one_number_are_one_object(result):
    """On each frame as one mask, with the better one's score."""
    alone = result.tracks.sam_output == 0
    merged = np.where(alone, 7, 0)
    selection = Selection(result, Filters(), labels=_numbers(merged))
    assert selection.objects.id.tolist() == [0, 7]
    for frame in selection:
        masks = result.masks_at(frame.number)
        decoded, rest = masks.rles.to_masks(), ~alone[masks.track]
        assert sorted(frame.masks.track.tolist()) == [0, 7]
        row = frame.masks.track.tolist().index(0)
        assert np.array_equal(frame.masks.rles.to_masks()[row], decoded[rest].any(axis=0))
        assert frame.masks.score[row] == masks.score[rest].max()
    assert selection.objects.last_frame.tolist() == [N_FRAMES - 1] * 2


def test_labels_out_of_a_table(tmp_path):
    (tmp_path / "labels.csv").write_text("\ufefftrack,id,category\n3,0,cup\n1,0,cup\n2,,\n")
    labels = read_labels(tmp_path / "labels.csv", 5)
    assert labels.id.tolist() == [-1, 0, 2, 0, -1]
    assert [labels.categories[row] for row in labels.category[[1, 2, 3]]] == ["cup", "object", "cup"]
    (tmp_path / "labels.csv").write_text("track,category\n0,cup\n")
    labels = read_labels(tmp_path / "labels.csv", 2)
    assert (labels.id.tolist(), labels.categories) == ([0, -1], ("cup",))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "expected the columns"),
        ("track\n1\n", "expected the columns"),
        ("track,colour\n1,red\n", "expected the columns"),
        ("track,id\n5,1\n", "line 2: expected a track from 0 to 4, got '5'"),
        ("track,id\nx,1\n", "got 'x'"),
        ("track,id\n1,-1\n", "expected a id|got '-1'"),
        ("track,id\n1,1\n1,2\n", "line 3: track 1 has a line already"),
        ("track,id\n1\n", "expected 2 values"),
        ("track,id\n1,2,3\n", "expected 2 values"),
        ('track,id\n"1,2\n', "cannot read it"),
    ],
)
def test_labels_that_are_wrong(tmp_path, content, line):
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(InputError, match=line) as raised:
        read_labels(tmp_path / "labels.csv", 5)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("filters", [{"start": N_FRAMES}, {"start": -1}, {"start": 4, "end": 4}, {"sam_output": "all"}])
def test_filters_that_are_wrong(result, filters):
    with pytest.raises(SettingsError):
        of(result, **filters)


def test_laid_over_each_other(result):
    selection = Selection(result, Filters(start=2, end=4), flat=Cut(depth=0))
    roots = result.tree.roots()
    assert selection.objects.id.tolist() == roots[result.tracks.first_frame[roots] < 4].tolist()
    flat = result.flatten(depth=0)
    for frame in selection:
        assert frame.masks.rles == flat.masks_at(frame.number).rles
    loss = selection.loss()
    assert loss is not None
    assert loss.n_masks == sum(len(result.masks_at(frame)) for frame in (2, 3))
    assert loss.mask_px_lost == sum(
        int(result.masks_at(frame).rles.area_px().sum() - flat.masks_at(frame).rles.area_px().sum()) for frame in (2, 3)
    )

"""Colours depend on ids alone, and differ from each other."""

import numpy as np

from overseg.output.colours import track_colours

LUMA = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709


def test_a_track_has_the_same_colour_beside_any_other_track():
    together = track_colours(np.arange(1000))
    for track in (0, 1, 17, 999):
        assert np.array_equal(track_colours(np.array([track]))[0], together[track])
    assert np.array_equal(track_colours(np.array([5, 3])), together[[5, 3]])


def test_neighbouring_ids_have_different_colours():
    colours = track_colours(np.arange(300)).astype(int)
    for distance in (1, 2, 3):
        assert np.abs(colours[distance:] - colours[:-distance]).max(axis=1).min() >= 60


def test_no_two_of_many_tracks_share_a_colour():
    assert len(np.unique(track_colours(np.arange(300)), axis=0)) == 300


def test_all_are_colourful_and_neither_black_nor_white():
    colours = track_colours(np.arange(1000)).astype(int)
    assert (colours.max(axis=1) - colours.min(axis=1)).min() >= 40
    assert (colours @ LUMA).min() > 90 and (colours @ LUMA).max() < 230


def test_lighter_is_lighter_in_every_colour():
    tracks = np.arange(1000)
    assert (track_colours(tracks, lighter=0.08) @ LUMA > track_colours(tracks) @ LUMA).all()


def test_no_tracks():
    assert track_colours(np.zeros(0, np.int32)).shape == (0, 3)

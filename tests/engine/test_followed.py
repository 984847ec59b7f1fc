"""Masks of followed objects become visits with the last frame and termination reason of each object."""

from collections.abc import Iterator

import numpy as np
import pytest

from overseg.data.masklets import End
from overseg.data.masks import Source
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.engine.follow.followed import Followed, object_of, regions_of

SIZE = (6, 8)
FIRST = 2  # the prompted frame
#          frame 2  3  4  5  6 and back to 1, 0; pixels of each object's mask
AREAS_PX = {7: [9, 9, 0, 9, 1, 9, 0], 3: [9, 9, 9, 9, 9, 1, 9]}


def found() -> Iterator[ObjectMasks]:
    for at, frame in enumerate([2, 3, 4, 5, 6, 1, 0]):
        masks = np.zeros((2, SIZE[0] * SIZE[1]), bool)
        for row, areas_px in enumerate(AREAS_PX.values()):
            masks[row, : areas_px[at]] = True
        rles, whole = Rles.from_masks(masks.reshape(2, *SIZE)), np.full(2, frame, np.int32)
        yield ObjectMasks(rles, np.array(list(AREAS_PX), np.int32), whole, np.ones(2, np.float32))


@pytest.mark.parametrize("frames_at_once", [64, 2])
def test_each_run_of_frames_has_its_termination_reason(monkeypatch, frames_at_once):
    monkeypatch.setattr("overseg.engine.follow.followed._FRAMES_AT_ONCE", frames_at_once)
    prompts = Prompts.of_masks(Rles.from_masks(np.ones((2, *SIZE), bool)), object=[7, 3], frame=FIRST)
    visits = list(Followed(prompts, regions_of(prompts), min_area_px=5).visits(found()))
    stretches = {
        (*row, End(end))
        for visit in visits
        for e in [visit.terminations]
        for *row, end in zip(
            object_of(e.region).tolist(),
            e.source.tolist(),
            e.from_frame.tolist(),
            e.last_frame.tolist(),
            e.end.tolist(),
            strict=True,
        )
    }
    forward, backward = Source.FORWARD, Source.BACKWARD
    of_3 = (
        {(3, forward, 2, 6, End.CLIP)}
        if frames_at_once == 64
        else {(3, forward, a, b, End.CLIP) for a, b in ((2, 3), (4, 5), (6, 6))}
    )
    assert stretches == {
        (7, forward, 2, 3, End.GONE),
        (7, forward, 5, 5, End.SMALL),
        (7, backward, 1, 1, End.GONE),
        *of_3,
        (3, backward, 0, 0, End.CLIP),
    }
    for visit in visits:
        assert (np.diff(visit.terminations.region) >= 0).all()
        assert visit.terminations.from_frame.min() >= visit.key.start

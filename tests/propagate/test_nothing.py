"""A propagator that propagates no masks."""

import pytest
from propagate.propagator_suite import SIZE, panning_video, three_discs

from overseg.data.masklets import End
from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.propagate.nothing import NoPropagator
from overseg.stages import Clip, MaskPropagator


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize(("stop", "end"), [(1, End.CLIP), (2, End.NOT_PROPAGATED)])
def test_every_masklet_ends_on_its_prompts_frame(direction, stop, end):
    assert isinstance(NoPropagator(), MaskPropagator)
    for prompts in (three_discs(), Rles.empty(SIZE)):
        masklets = NoPropagator().propagate(Clip(panning_video(3), 1, stop), prompts, direction)
        assert len(masklets.masks) == 0
        assert masklets.masks.rles.size == SIZE
        assert masklets.end.tolist() == [end] * len(prompts)

"""SAM 2 on a CPU, made to work as it does on a GPU."""

from collections.abc import Callable

import pytest
from sam2.modeling.sam2_base import SAM2Base

from overseg.propagate.sam2 import work
from overseg.propagate.sam2.propagator import Sam2Propagator


@pytest.fixture
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks cross the model in batches, and frames are encoded in turn."""
    monkeypatch.setattr(work, "is_side_by_side", lambda _: False)


@pytest.fixture
def both_ways(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Sam2Propagator, Sam2Propagator]]:
    """Makes two propagators: one propagates masks side by side, each by itself, and one in batches."""

    def make(model: SAM2Base, **options) -> tuple[Sam2Propagator, Sam2Propagator]:
        singles = Sam2Propagator(model, **options)
        with monkeypatch.context() as patch:
            patch.setattr(work, "is_side_by_side", lambda _: False)
            return singles, Sam2Propagator(model, **options)

    return make

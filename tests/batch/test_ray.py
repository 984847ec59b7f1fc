"""A batch on a Ray that is started here: one worker is killed, and the object store is nearly full."""

import os
import signal
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from batch.conftest import DAMAGED, LONG, SETTINGS, Silent

import overseg

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed: pip install 'overseg[ray]'")

_STORE_BYTES = 80 << 20  # the least that Ray takes


class Killing(Silent):
    """Kills the actor that made the 3rd visit of the video that both share."""

    def __init__(self) -> None:
        super().__init__()
        self.n_shared, self.n_killed = 0, 0

    def event(self, name, **facts) -> None:
        if name == "visit" and facts["video"] == LONG:
            self.n_shared += 1
            if self.n_shared == 3:
                os.kill(facts["pid"], signal.SIGKILL)
                self.n_killed += 1


@pytest.fixture
def full_object_store(monkeypatch):
    """A Ray with two cores, nine tenths of whose object store are taken."""
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:  # a socket's path is short
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=_STORE_BYTES,
            _temp_dir=folder,
        )
        yield ray.put(np.zeros(int(0.9 * _STORE_BYTES), np.uint8))
        ray.shutdown()


def test_every_result_is_that_of_a_single_run(full_object_store, clips, single_hashes, tmp_path):
    report = Killing()
    changes = {name: value for name, value in SETTINGS.items() if name != "device"}
    inputs = [clips / f"{DAMAGED[0]}.mp4", clips / "a", clips / LONG]
    outcomes = overseg.run_many(inputs, tmp_path / "out", workers=2, on="ray", report=report, **changes)
    assert report.n_killed == 1
    assert [one.state for one in outcomes] == ["failed", "done", "done"]
    for name in ("a", LONG):
        assert overseg.open(tmp_path / "out" / f"{name}.zarr").content_hash() == single_hashes[name]

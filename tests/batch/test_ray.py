"""A batch on a Ray of two nodes: one is killed, and the object stores are full."""

import socket
import time
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from batch.conftest import DAMAGED, LONG, SETTINGS, Silent

import overseg
from overseg.data.visit import Direction, VisitKey
from overseg.errors import DeviceError
from overseg.store.part import part_name

_STORE_BYTES = 80 << 20  # the least that Ray takes


class Killing(Silent):
    """Kills a node once 3 visits of the video that both share are committed, and notes those that were begun later.

    A visit that two parts need may be made by both of the nodes.
    """

    def __init__(self, cluster, store) -> None:
        super().__init__()
        self._cluster, self._store = cluster, store
        self._killed_at = float("inf")
        self.committed: set[str] = set()
        self.later: set[str] = set()

    def event(self, name, **facts) -> None:
        if name != "visit" or facts["video"] != LONG:
            return
        committed = {path.name for path in self._store.glob("parts/[0-9]*")}
        if not self.committed and len(committed) >= 3:
            self._killed_at, self.committed = time.time(), committed
            self._cluster.remove_node(next(iter(self._cluster.worker_nodes)), allow_graceful=False)
        took_s = sum(seconds for stage, seconds in facts.items() if stage.endswith("_s") and stage != "time_s")
        if facts["time_s"] - took_s > self._killed_at:
            key = VisitKey(*(facts[one] for one in ("round", "start", "stop")), Direction(facts["direction"]))
            self.later.add(part_name(key))


@pytest.fixture
def cluster(monkeypatch):
    """Two nodes with a core each, whose object stores are full."""
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed: pip install 'overseg[ray]'")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    node = {"num_cpus": 1, "object_store_memory": _STORE_BYTES}
    with TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:  # a socket's path is short
        monkeypatch.setenv("RAY_TMPDIR", folder)
        cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
        cluster.add_node(**node)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster, [ray.put(np.zeros(int(0.9 * _STORE_BYTES), np.uint8)) for _ in range(2)]
        ray.shutdown()
        cluster.shutdown()


def test_every_result_is_that_of_a_single_run(cluster, clips, single_hashes, tmp_path):
    """Nothing that was committed when the node was lost is made again."""
    report = Killing(cluster[0], tmp_path / "out" / f"{LONG}.zarr")
    changes = {name: value for name, value in SETTINGS.items() if name != "device"}
    inputs = [clips / f"{DAMAGED[0]}.mp4", clips / "a", clips / LONG]
    outcomes = overseg.run_many(inputs, tmp_path / "out", workers=2, on="ray", report=report, **changes)
    assert len(report.committed) >= 3 and report.later and report.committed.isdisjoint(report.later)
    assert [one.state for one in outcomes] == ["failed", "done", "done"]
    for name in ("a", LONG):
        assert overseg.open(tmp_path / "out" / f"{name}.zarr").content_hash() == single_hashes[name]


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_where_nobody_listens_is_refused_at_once(clips, tmp_path, capfd, address):
    pytest.importorskip("ray", reason="the extra `ray` is not installed: pip install 'overseg[ray]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = address.format(free.getsockname()[1])
        with pytest.raises(DeviceError, match=f"--on ray={where} cannot be reached: .*refused; check the address"):
            overseg.run_many([clips / "a"], tmp_path / "out", on=f"ray={where}")
    assert capfd.readouterr().err == ""

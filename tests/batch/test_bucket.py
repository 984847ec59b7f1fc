"""A batch whose folder is in a bucket."""

import json

import pytest
from batch.conftest import DAMAGED, LONG, SETTINGS, Silent
from local_s3 import local_s3

import overseg
from overseg.batch.status import counts_of, status_of


class Watching(Silent):
    """Notes the workers that made visits."""

    def __init__(self) -> None:
        super().__init__()
        self.workers: set[int] = set()

    def event(self, name, **facts) -> None:
        if name == "visit":
            self.workers.add(facts["pid"])


@pytest.fixture
def s3():
    with local_s3() as there:
        yield there


def test_stores_records_and_status_are_in_the_bucket(s3, clips, tmp_path):
    """The work that the budget pays for is made in parts by both workers, with the result of one."""
    out, budget = s3.url("batch"), "work=4"
    changes = {name: value for name, value in SETTINGS.items() if name != "device"}
    inputs = [clips / f"{DAMAGED[0]}.mp4", clips / LONG]
    watching = Watching()
    outcomes = overseg.run_many(inputs, out, workers=2, devices=["cpu"], budget=budget, report=watching, **changes)
    assert [one.state for one in outcomes] == ["failed", "done"]
    found = overseg.open(f"{out}/{LONG}.zarr")
    single = overseg.run(clips / LONG, tmp_path / "single.zarr", budget=budget, report=Silent(), **SETTINGS)
    assert found.content_hash() == single.content_hash()
    assert found.summary["stop_reason"] == "budget work=4" and found.summary["work"] == single.summary["work"]
    assert len(watching.workers) == 2
    assert {name.split("/")[0] for name in s3.names(out)} == {"failures.jsonl", "videos.jsonl", f"{LONG}.zarr"}
    assert json.loads(s3.read(out, "failures.jsonl"))["name"] == DAMAGED[0]
    counts = counts_of(status_of(out))
    assert (counts["videos"], counts["done"], counts["failed"]) == (2, 1, 1)

"""A batch whose folder is in a bucket."""

import json

import pytest
from batch.conftest import DAMAGED, LONG, SETTINGS, Silent
from local_s3 import local_s3

import overseg
from overseg.batch.status import counts_of, status_of


@pytest.fixture
def s3():
    with local_s3() as there:
        yield there


def test_stores_records_and_status_are_in_the_bucket(s3, clips, single_hashes):
    """One of the videos is made in parts by both workers."""
    out = s3.url("batch")
    changes = {name: value for name, value in SETTINGS.items() if name != "device"}
    inputs = [clips / f"{DAMAGED[0]}.mp4", clips / LONG]
    outcomes = overseg.run_many(inputs, out, workers=2, devices=["cpu"], report=Silent(), **changes)
    assert [one.state for one in outcomes] == ["failed", "done"]
    assert overseg.open(f"{out}/{LONG}.zarr").content_hash() == single_hashes[LONG]
    assert {name.split("/")[0] for name in s3.names(out)} == {"failures.jsonl", "videos.jsonl", f"{LONG}.zarr"}
    assert json.loads(s3.read(out, "failures.jsonl"))["name"] == DAMAGED[0]
    counts = counts_of(status_of(out))
    assert (counts["videos"], counts["done"], counts["failed"]) == (2, 1, 1)

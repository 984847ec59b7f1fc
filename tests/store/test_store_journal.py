"""Committed visits are read back, by the same process and by the next."""

import dataclasses

import numpy as np
import pytest
import zarr
from store.store_samples import SIZE, open_store, same, visit, visits
from zarr.storage import ZipStore

from overseg.data.masks import Masks
from overseg.data.terminations import Terminations
from overseg.data.visit import Direction, Edges, Frontier, Visit, VisitKey
from overseg.errors import StoreError
from overseg.store.part import part_key, part_name

FORWARD = VisitKey(0, 4, 8, Direction.FORWARD)


def test_a_visit_is_read_as_it_was_committed(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        for v in visits():
            store.commit(v)
        assert store.committed() == {v.key for v in visits()}
        assert all(same(store.read(v.key), v) for v in visits())
        assert store.read(FORWARD).seconds == visit(FORWARD).seconds


def test_the_next_process_finds_them(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        store.commit(visit(FORWARD))
    with open_store(tmp_path / "out.zarr") as store:
        assert store.committed() == {FORWARD}
        assert same(store.read(FORWARD), visit(FORWARD))


@pytest.mark.parametrize("stop", [4, 8])
def test_a_visit_that_found_nothing(tmp_path, stop):
    nothing = Visit(
        VisitKey(0, 4, stop, Direction.BACKWARD),
        Masks.empty(SIZE),
        Terminations.empty(),
        Edges.empty(),
        Frontier.empty(),
    )
    with open_store(tmp_path / "out.zarr") as store:
        store.commit(nothing)
        outline, edges = store.outline(nothing.key)
        assert same(store.read(nothing.key), nothing)
        assert (len(outline.frame), len(edges)) == (0, 0)


def test_an_outline_is_the_visit_without_its_masks(tmp_path):
    v = visit(FORWARD)
    with open_store(tmp_path / "out.zarr") as store:
        store.commit(v)
        outline, edges = store.outline(FORWARD)
    assert same(edges, v.edges)
    assert same(outline.area_px, v.masks.rles.area_px().astype(np.int32))
    for name in ("frame", "region", "source", "score", "sam_output"):
        assert same(getattr(outline, name), getattr(v.masks, name))


def test_seconds_are_summed_over_visits_of_all_processes(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        assert store.seconds() == {}
        store.commit(visit(FORWARD))
    with open_store(tmp_path / "out.zarr") as store:
        assert store.seconds() == {"decode": 0.25, "propagate": 1.5}
        store.commit(visit(VisitKey(0, 0, 4, Direction.FORWARD)))
        assert store.seconds() == {"decode": 0.5, "propagate": 3.0}


def test_zarr_itself_reads_a_part(tmp_path):
    v = visit(FORWARD)
    with open_store(tmp_path / "out.zarr") as store:
        store.commit(v)
    with ZipStore(tmp_path / "out.zarr" / "parts" / part_name(FORWARD), mode="r") as part:
        group = zarr.open_group(part, mode="r")
        assert group.attrs["direction"] == "forward"
        assert sorted(group["masks"].array_keys()) == [
            "area_px", "frame", "level", "levels", "point_xy", "region", "rle_bytes", "rle_offsets", "score",
            "source", "stability_score",
        ]  # fmt: skip
        assert sorted(group["endings"].array_keys()) == ["end", "from_frame", "last_frame", "region", "source"]
        assert np.array_equal(group["masks/region"][...], v.masks.region)
        assert np.array_equal(group["masks/point_xy"][...], v.masks.point_xy)
        assert group["masks/rle_bytes"][...].tobytes() == b"".join(v.masks.rles.counts)


def test_names_of_parts_identify_the_visit_and_sort_by_time():
    keys = [v.key for v in visits(101)]
    assert [part_key(part_name(key)) for key in keys] == keys
    by_name = sorted(keys, key=part_name)
    assert [key.start for key in by_name] == sorted(key.start for key in keys)
    assert part_key(".overseg-tmp-0123") is None


def test_invalid_commits(tmp_path):
    v = visit(FORWARD)
    with open_store(tmp_path / "out.zarr") as store:
        store.commit(v)
        with pytest.raises(ValueError, match="not yet in"):
            store.commit(v)
        with pytest.raises(ValueError, match="frames 0 to 4"):
            store.commit(dataclasses.replace(v, key=VisitKey(0, 0, 4, Direction.FORWARD)))
        with pytest.raises(KeyError):
            store.read(VisitKey(0, 0, 4, Direction.FORWARD))


def test_a_damaged_part_is_named(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        store.commit(visit(FORWARD))
        part = tmp_path / "out.zarr" / "parts" / part_name(FORWARD)
        content = part.read_bytes()
        for damaged in (content[:100], content[:200] + b"\0\0\0\0\0\0" + content[206:], b""):
            part.write_bytes(damaged)
            with pytest.raises(StoreError, match=part.name):
                store.read(FORWARD)

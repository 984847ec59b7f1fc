"""Tables of any content survive both forms of storage."""

import doctest
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from store.store_samples import SIZE, same

import overseg.store.part
import overseg.store.root
from overseg.data.masks import Masks
from overseg.data.rles import Rles
from overseg.data.visit import Edges
from overseg.store.columns import join_rles, split_rles, to_arrays, to_table
from overseg.store.disk import DiskFolder
from overseg.store.zarr_tables import new_group, read_table, write_table
from overseg.store.zipped_zarr import pack, unpack

COLUMNS = {
    Masks: {
        "frame": (np.int32,),
        "region": (np.int64,),
        "source": (np.int8,),
        "score": (np.float32,),
        "stability_score": (np.float32,),
        "sam_output": (np.int8,),
        "sam_outputs": (np.uint8,),
        "point_xy": (np.float32, 2),
    },
    Edges: {"region_from": (np.int64,), "region_to": (np.int64,), "frame": (np.int32,), "iou": (np.float32,)},
}
COCO_STRING = st.binary(max_size=40).map(lambda raw: bytes(48 + byte % 64 for byte in raw))


@st.composite
def columns(draw: st.DrawFn, table: type) -> dict[str, Any]:
    """Columns of a table; the table is made outside, because type checks draw random numbers of their own."""
    n = draw(st.integers(0, 5))
    found: dict[str, Any] = {}
    for name, (dtype, *inner) in COLUMNS[table].items():
        found[name] = draw(arrays(dtype, (n, *inner)))
    if table is Masks:
        found["rles"] = draw(st.lists(COCO_STRING, min_size=n, max_size=n))
    return found


@dataclass(frozen=True)
class Flags:
    """A table with a column of every kind that results have and masks do not."""

    flag: np.ndarray
    second: np.ndarray


@given(columns(Masks), st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)))
def test_zipped_tables(found, attributes):
    table = Masks(**found | {"rles": Rles(SIZE, tuple(found["rles"]))})
    groups, read_attributes = unpack(pack({"masks": to_arrays(table)}, attributes))
    assert same(to_table(Masks, groups["masks"], SIZE), table)
    assert read_attributes == attributes


@given(columns(Edges))
@settings(max_examples=20, deadline=None)
def test_tables_in_a_result(found):
    table = Edges(**found)
    with tempfile.TemporaryDirectory() as folder:
        group = new_group(Path(folder), "result")
        write_table(group, "edges", table)
        assert same(read_table(DiskFolder(group), "edges", Edges), table)


def test_columns_of_other_types_and_many_rows(tmp_path):
    table = Flags(np.arange(200_000) % 3 == 0, np.linspace(0, 1, 200_000))
    group = new_group(tmp_path, "result")
    write_table(group, "flags", table)
    assert same(read_table(DiskFolder(group), "flags", Flags), table)
    packed, _ = unpack(pack({"flags": to_arrays(table)}, {}))
    assert same(to_table(Flags, packed["flags"], SIZE), table)


@given(st.lists(COCO_STRING))
def test_coco_strings_end_to_end(counts):
    rles = Rles(SIZE, tuple(counts))
    joined, offsets = join_rles(rles)
    assert split_rles(SIZE, joined.tobytes(), offsets) == rles


def test_arrays_can_be_skipped():
    table = Edges.empty()
    groups, _ = unpack(pack({"edges": to_arrays(table)}, {}), skip={"iou"})
    assert set(groups["edges"]) == {"region_from", "region_to", "frame"}


def test_examples_in_docstrings():
    for module in (overseg.store.part, overseg.store.root):
        assert doctest.testmod(module).failed == 0

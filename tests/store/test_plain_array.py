"""zarr and this package read each other's arrays."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from overseg.store.disk import DiskFolder
from overseg.store.plain_array import PlainArray, PlainArrayWriter
from overseg.store.plain_shards import PlainShards

COLUMNS = {
    "int32": np.arange(7, dtype=np.int32) * 70000,
    "int64": np.array([-(2**40), 0, 3]),
    "bool": np.array([False, True, True, False]),
    "uint8": np.arange(9, dtype=np.uint8),
    "float32 with negative zeros and NaN": np.array([-0.0, 0.0, np.nan, 1.5, -0.0, -0.0, -0.0], np.float32),
    "two dimensions": np.arange(10, dtype=np.int8).reshape(5, 2),
    "nothing": np.zeros(0, np.float32),
    "no rows of two dimensions": np.zeros((0, 4), np.float32),
    "zeros": np.zeros(8, np.int32),
}


def written(path: Path, column: np.ndarray, *, chunk_rows: int = 3) -> PlainArray:
    writer = PlainArrayWriter(path, column, chunk_rows=chunk_rows)
    for start in range(0, len(column), 2 * chunk_rows):
        writer.append(column[start : start + 2 * chunk_rows])
    writer.finish()
    array = PlainArray.of(DiskFolder(path))
    assert array is not None
    return array


def same_bytes(one: np.ndarray, other: np.ndarray) -> bool:
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


@pytest.mark.parametrize("name", COLUMNS)
def test_what_is_written_here(name, tmp_path):
    column = COLUMNS[name]
    array, by_zarr = written(tmp_path / "a", column), zarr.open_array(tmp_path / "a", mode="r")
    assert array.chunks == by_zarr.chunks
    assert same_bytes(array[:], column) and same_bytes(by_zarr[:], column)
    for start in range(len(column) + 1):
        for stop in range(start, len(column) + 2):
            assert same_bytes(array[start:stop], column[start:stop])
    assert array[:].flags.writeable


@pytest.mark.parametrize("name", COLUMNS)
def test_what_zarr_writes(name, tmp_path):
    column = COLUMNS[name]
    codec = zarr.codecs.ZstdCodec(level=3, checksum=True)
    chunks = (3, *column.shape[1:])
    theirs = zarr.create_array(
        tmp_path / "a", shape=column.shape, dtype=column.dtype, chunks=chunks, filters=None, compressors=[codec]
    )
    theirs[:] = column
    array = PlainArray.of(DiskFolder(tmp_path / "a"))
    assert array is not None
    assert np.array_equal(array[:], column, equal_nan=column.dtype.kind == "f")


def test_the_same_files_as_zarr(tmp_path):
    """Chunks of zeros are left out by both."""
    column = np.array([0, 0, 0, 4, 5, 0, 0, 0, 0, 9], np.int32)
    written(tmp_path / "a", column)
    codec = zarr.codecs.ZstdCodec(level=3, checksum=True)
    theirs = zarr.create_array(
        tmp_path / "b", shape=(10,), dtype=np.int32, chunks=(3,), filters=None, compressors=[codec]
    )
    theirs[:] = column
    chunks = [{path.name: path.read_bytes() for path in (tmp_path / name / "c").iterdir()} for name in "ab"]
    assert chunks[0] == chunks[1]
    assert sorted(chunks[0]) == ["1", "3"]


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": None},
        {"serializer": zarr.codecs.BytesCodec(endian="big")},
        {"fill_value": 7},
        {"chunks": (3,), "shards": (6,)},
        {"chunk_key_encoding": {"name": "v2", "separator": "."}},
    ],
)
def test_what_only_zarr_reads(tmp_path, options):
    zarr.create_array(tmp_path / "a", **{"shape": (6,), "dtype": np.int32, "chunks": (3,)} | options)
    assert PlainArray.of(DiskFolder(tmp_path / "a")) is None


def test_a_damaged_chunk(tmp_path):
    array = written(tmp_path / "a", np.arange(9, dtype=np.int32))
    path = tmp_path / "a" / "c" / "1"
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:9] + bytes([whole[9] ^ 4]) + whole[10:]):
        path.write_bytes(damaged)
        assert array[:3].tolist() == [0, 1, 2]
        with pytest.raises((ValueError, RuntimeError)):
            array[2:4]


def test_damaged_metadata(tmp_path):
    written(tmp_path / "a", np.arange(9, dtype=np.int32))
    path = tmp_path / "a" / "zarr.json"
    whole = path.read_text()
    for old, new in (("9\n", "-9\n"), ("3\n", "0\n"), ("int32", "int31"), ('"shape"', '"size"'), ("{", "[")):
        assert old in whole
        path.write_text(whole.replace(old, new))
        with pytest.raises((ValueError, KeyError, TypeError)):
            PlainArray.of(DiskFolder(tmp_path / "a"))


def sharded(path: Path, column: np.ndarray) -> Path:
    codec = zarr.codecs.ZstdCodec(level=3, checksum=True)
    settings = {"chunks": (3,), "shards": (9,), "filters": None, "compressors": [codec], "fill_value": 0}
    array = zarr.create_array(path, shape=column.shape, dtype=column.dtype, **settings)
    array[:] = column
    return path


def test_shards_of_zarr(tmp_path):
    column = np.concatenate([np.zeros(4), np.arange(16), np.zeros(9), [5, 0]]).astype(np.uint8)
    array = PlainShards.of(DiskFolder(sharded(tmp_path / "a", column)))
    assert array is not None and (array.chunks, array.shards) == ((3,), (9,))
    assert PlainArray.of(DiskFolder(tmp_path / "a")) is None
    for start in range(len(column) + 1):
        for stop in range(start, len(column) + 2):
            assert same_bytes(array[start:stop], column[start:stop])


@pytest.mark.parametrize("at", [0, 5, -5, -20])
def test_a_changed_byte_of_a_shard_is_noticed(at, tmp_path):
    path = sharded(tmp_path / "a", np.arange(1, 10, dtype=np.uint8))
    array, content = PlainShards.of(DiskFolder(path)), bytearray((path / "c/0").read_bytes())
    content[at] ^= 1
    (path / "c/0").write_bytes(content)
    with pytest.raises((ValueError, RuntimeError)):
        _ = array[:]

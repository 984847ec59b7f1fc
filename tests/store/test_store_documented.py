"""A reader written from docs/store.md alone, without zarr and pycocotools, reads a store."""

import json
import struct
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numcodecs.zstd
import numpy as np
import pytest
from store.store_samples import SIZE, open_store, publish, visits


def read_array(array: Path) -> np.ndarray:
    metadata = json.loads((array / "zarr.json").read_text())
    chunk_shape = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    whole = np.full(metadata["shape"], metadata["fill_value"], metadata["data_type"])
    for number in product(*(range(-(-n // c)) for n, c in zip(whole.shape, chunk_shape, strict=True))):
        file = array / "c" / "/".join(map(str, number))
        if file.exists():
            chunk = decode(file.read_bytes(), metadata["codecs"], chunk_shape, metadata["data_type"])
            place = tuple(slice(n * c, (n + 1) * c) for n, c in zip(number, chunk_shape, strict=True))
            whole[place] = chunk[tuple(slice(n) for n in whole[place].shape)]
    return whole


def decode(content: bytes, codecs: list[dict[str, Any]], shape: list[int], data_type: str) -> np.ndarray:
    if codecs[0]["name"] == "sharding_indexed":
        return decode_shard(content, codecs[0]["configuration"], shape, data_type)
    assert [c["name"] for c in codecs] == ["bytes", "zstd"]
    return np.frombuffer(numcodecs.zstd.decompress(content), data_type).reshape(shape)


def decode_shard(content: bytes, shard: dict[str, Any], shape: list[int], data_type: str) -> np.ndarray:
    (inner,) = shard["chunk_shape"]
    n_inner = shape[0] // inner
    index = struct.unpack(f"<{2 * n_inner}Q", content[-16 * n_inner - 4 : -4])
    whole = np.zeros(shape, data_type)
    for number in range(n_inner):
        at, length = index[2 * number : 2 * number + 2]
        if at != 2**64 - 1:
            whole[number * inner : (number + 1) * inner] = decode(
                content[at : at + length], shard["codecs"], [inner], data_type
            )
    return whole


def decode_mask(counts: bytes, size: list[int]) -> np.ndarray:
    runs = list(decode_runs(counts))
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return pixels.reshape(size[1], size[0]).T


def decode_runs(counts: bytes) -> Iterator[int]:
    runs: list[int] = []
    left = iter(counts)
    for byte in left:
        group, number, shift = byte - 48, 0, 0
        while True:
            number |= (group & 31) << shift
            shift += 5
            if not group & 32:
                break
            group = next(left) - 48
        if group & 16:
            number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        yield runs[-1]


@pytest.mark.parametrize("rle_shard_bytes", [4 * 2**20, 300])
def test_a_reader_from_the_documentation(tmp_path, monkeypatch, rle_shard_bytes):
    if rle_shard_bytes == 300:
        for module, name in product(("zarr_tables", "mask_writer", "mask_table"), ("SHARD", "CHUNK")):
            monkeypatch.setattr(
                f"overseg.store.{module}.RLE_{name}_BYTES", 300 if name == "SHARD" else 100, raising=False
            )
    with open_store(tmp_path / "out.zarr") as store:
        for v in visits():
            store.commit(v)
        result = publish(store, visits())
    root = json.loads((tmp_path / "out.zarr/zarr.json").read_text())["attributes"]
    assert (root["format"], root["format_version"], root["size"]) == ("overseg", 5, list(SIZE))
    folder = tmp_path / "out.zarr/results" / root["result"]
    masks = {a.name: read_array(a) for a in (folder / "masks").iterdir() if a.is_dir()}
    association = {a.name: read_array(a) for a in (folder / "association").iterdir() if a.is_dir()}
    for frame in range(len(result)):
        start, stop = masks["frame_offsets"][frame : frame + 2]
        rows = [row for row in range(start, stop) if association["track"][row] != -1]
        check(rows, masks, association, result.masks_at(frame))
    for track in range(len(result.tracks)):
        start, stop = association["track_offsets"][track : track + 2]
        check(association["rows"][start:stop], masks, association, result.masks_of(track))

    terminations = {a.name: read_array(a) for a in (folder / "endings").iterdir() if a.is_dir()}
    expected = vars(result.terminations())
    assert sorted(expected) == sorted([*terminations, "track"])
    assert all(np.array_equal(expected[name], terminations[name]) for name in terminations)
    assert np.array_equal(expected["track"], association["ending_track"])

    appearances = {a.name: read_array(a) for a in (folder / "looks").iterdir() if a.is_dir()}
    expected = dict(vars(result.appearances))
    expected["look"] = expected.pop("appearance")
    assert sorted(expected) == sorted(appearances)
    assert all(np.array_equal(expected[name], appearances[name]) for name in appearances)
    assert (np.diff(appearances["region"]) > 0).all()


def check(rows: Any, masks: dict[str, np.ndarray], association: dict[str, np.ndarray], expected: Any) -> None:
    offsets, joined = masks["rle_offsets"], masks["rle_bytes"].tobytes()
    decoded = [decode_mask(joined[offsets[row] : offsets[row + 1]], list(SIZE)) for row in rows]
    assert np.array_equal(np.array(decoded).reshape(-1, *SIZE), expected.rles.to_masks())
    assert [mask.sum() for mask in decoded] == masks["area_px"][rows].tolist()
    assert np.array_equal(masks["region"][rows], expected.region)
    assert np.array_equal(masks["region"][rows] >> 24, expected.region // 2**24)
    assert np.array_equal(masks["point_xy"][rows], expected.point_xy)
    assert np.array_equal(association["track"][rows], expected.track)

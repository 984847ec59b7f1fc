"""The memory of compaction does not grow with the number of masks in the video."""

import gc
import tracemalloc
from dataclasses import replace

import numpy as np
from store.store_samples import SIZE, STEP, open_store, visit

from overseg.data.rles import Rles
from overseg.data.visit import Direction, VisitKey

RLE_BYTES = 1000  # at least: far above the few bytes that a row may cost in pointers


def long_rles(n: int) -> Rles:
    stripes = np.zeros((1, RLE_BYTES, 2), bool)
    stripes[:, ::2] = True
    return Rles(SIZE, Rles.from_masks(stripes).counts * n)


def peak_of_compaction(path, n_frames: int) -> int:
    """Peak memory in bytes, above that before."""
    with open_store(path, n_frames=n_frames) as store:
        track_of = {}
        for start in range(0, n_frames - 1, STEP):
            v = visit(VisitKey(0, start, start + STEP, Direction.FORWARD), n_regions=10)
            store.commit(replace(v, masks=replace(v.masks, rles=long_rles(len(v.masks)))))
            track_of[v.key] = np.zeros(len(v.masks), np.int32)
        gc.collect()
        tracemalloc.start()
        draft = store.compact(track_of)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert draft.n_rows == (n_frames - 1) * 10 * (STEP + 1) // STEP
    return peak


def test_memory_of_compaction_is_bounded(tmp_path, monkeypatch):
    for module in ("zarr_tables", "mask_writer", "mask_table"):
        for name, value in (("CHUNK_ROWS", 512), ("RLE_CHUNK_BYTES", 2**16), ("RLE_SHARD_BYTES", 2**18)):
            monkeypatch.setattr(f"overseg.store.{module}.{name}", value, raising=False)
    short, long = (peak_of_compaction(tmp_path / str(n), n) for n in (41, 161))
    n_more_rows = 120 * 10 * (STEP + 1) // STEP
    assert long - short < 60 * n_more_rows, (short, long)

"""Appearance embeddings are read back from visits and from results, ordered by region."""

import dataclasses

import numpy as np
from store.store_samples import frames_table, open_store, publish, same, tracks_of, tracks_table, visits

from overseg.data.appearances import Appearances
from overseg.data.visit import Edges
from overseg.store.result import open_result

N_FRAMES = 13


def test_of_a_visit(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        for v in visits():
            store.commit(v)
        assert all(same(store.appearances(v.key), v.appearances) for v in visits())


def test_of_a_result_and_of_a_relinked_one(tmp_path):
    found = visits()
    appearances = Appearances.concatenate([v.appearances for v in found])
    appearances = appearances.take(np.argsort(appearances.region))
    with open_store(tmp_path / "out.zarr") as store:
        for v in reversed(found):
            store.commit(v)
        result = publish(store, found)
        assert same(result.appearances, appearances) and len(appearances) == 12
        store.reassociate(np.concatenate([tracks_of(found)[v.key] for v in found]), n_tracks=5)
        tables = {"tracks": tracks_table(5), "frames": frames_table(N_FRAMES), "edges": Edges.empty()}
        store.publish(**tables, summary={}, final=True)
    assert same(open_result(tmp_path / "out.zarr").appearances, appearances)


def test_of_a_result_without_any(tmp_path):
    with open_store(tmp_path / "out.zarr", n_frames=1) as store:
        assert same(publish(store, []).appearances, Appearances.empty())


def test_the_hash_sees_them(tmp_path):
    hashes = []
    for name, sign in (("one", 1), ("other", -1)):
        with open_store(tmp_path / f"{name}.zarr") as store:
            for v in visits():
                appearances = dataclasses.replace(v.appearances, appearance=np.int8(sign) * v.appearances.appearance)
                store.commit(dataclasses.replace(v, appearances=appearances))
            hashes.append(publish(store, visits()).content_hash())
    assert hashes[0] != hashes[1]

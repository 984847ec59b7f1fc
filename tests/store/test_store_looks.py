"""What regions look like comes back from visits and from results, ordered by region."""

import dataclasses

import numpy as np
from store.store_samples import frames_table, open_store, publish, same, tracks_of, tracks_table, visits

from overseg.data.looks import Looks
from overseg.data.visit import Edges
from overseg.store.result import open_result

N_FRAMES = 13


def test_of_a_visit(tmp_path):
    with open_store(tmp_path / "out.zarr") as store:
        for v in visits():
            store.commit(v)
        assert all(same(store.looks(v.key), v.looks) for v in visits())


def test_of_a_result_and_of_one_whose_tracks_were_decided_anew(tmp_path):
    found = visits()
    looks = Looks.concatenate([v.looks for v in found])
    looks = looks.take(np.argsort(looks.region))
    with open_store(tmp_path / "out.zarr") as store:
        for v in reversed(found):
            store.commit(v)
        result = publish(store, found)
        assert same(result.looks, looks) and len(looks) == 12
        store.reassociate(np.concatenate([tracks_of(found)[v.key] for v in found]), n_tracks=5)
        tables = {"tracks": tracks_table(5), "frames": frames_table(N_FRAMES), "edges": Edges.empty()}
        store.publish(**tables, summary={}, final=True)
    assert same(open_result(tmp_path / "out.zarr").looks, looks)


def test_of_a_result_without_any(tmp_path):
    with open_store(tmp_path / "out.zarr", n_frames=1) as store:
        assert same(publish(store, []).looks, Looks.empty())


def test_the_hash_sees_them(tmp_path):
    hashes = []
    for name, sign in (("one", 1), ("other", -1)):
        with open_store(tmp_path / f"{name}.zarr") as store:
            for v in visits():
                looks = dataclasses.replace(v.looks, look=np.int8(sign) * v.looks.look)
                store.commit(dataclasses.replace(v, looks=looks))
            hashes.append(publish(store, visits()).content_hash())
    assert hashes[0] != hashes[1]

"""Many processes add parts of a run's visits to one store, on a disk and in a bucket."""

import pytest
from local_s3 import local_s3
from store.store_samples import SIZE, open_store, publish, same, visits

from overseg.errors import StoreBusyError, StoreError
from overseg.store.places import folder_at
from overseg.store.result import open_result
from overseg.store.root import read_root
from overseg.store.zarr_store import ZarrStore

N_FRAMES = 13


@pytest.fixture(scope="module")
def s3():
    with local_s3() as there:
        yield there


@pytest.fixture(params=["disk", "bucket"])
def place(request, tmp_path, s3):
    """The path or address of a store that was begun, and is closed."""
    place = tmp_path / "out.zarr" if request.param == "disk" else s3.url(f"{request.node.name}.zarr")
    open_store(place, n_frames=N_FRAMES).close()
    return place


def join(place, part, **changes):
    root = read_root(folder_at(place))
    return ZarrStore.join(place, part, **{"identity": root.identity, "size": SIZE} | changes)


def test_each_part_sees_what_the_others_commit_and_the_result_has_all(place):
    found = visits(N_FRAMES)
    with join(place, "0") as one, join(place, "1") as other:
        for v in found[::2]:
            one.commit(v)
        for v in found[1::2]:
            other.commit(v)
        assert one.committed() == other.committed() == {v.key for v in found}
        assert same(one.read(found[1].key), found[1])
    with open_store(place, n_frames=N_FRAMES) as store:
        publish(store, found, final=True)
    assert open_result(place).final
    assert not folder_at(place).is_locked()


def test_a_visit_that_two_parts_make_is_kept_once(place):
    first, *_ = visits(N_FRAMES)
    with join(place, "0") as one, join(place, "1") as other:
        one.commit(first)
        other.commit(first)  # it did not look in between
        assert one.committed() == {first.key}


def test_writers_of_one_part_and_of_the_whole_exclude_each_other(place):
    with join(place, "0"):
        assert folder_at(place).is_locked()
        with pytest.raises(StoreBusyError, match="another process is writing"):
            join(place, "0")
        with pytest.raises(StoreBusyError, match="another process is writing"):
            open_store(place, n_frames=N_FRAMES)
    with open_store(place, n_frames=N_FRAMES), pytest.raises(StoreBusyError, match="another process is writing"):
        join(place, "0")
    join(place, "0").close()


def test_a_part_that_closes_leaves_the_others_alone(place):
    with join(place, "0"):
        join(place, "1").close()
        with pytest.raises(StoreBusyError):
            open_store(place, n_frames=N_FRAMES)


def test_another_run_or_no_store_is_refused(place, tmp_path):
    with pytest.raises(StoreError, match="belongs to another run: settings"):
        join(place, "0", identity=read_root(folder_at(place)).identity | {"settings": {"step": 99}})
    with pytest.raises(StoreError, match="expected a store"):
        ZarrStore.join(tmp_path / "nothing.zarr", "0", identity={}, size=SIZE)
    assert not folder_at(place).is_locked()

"""`overseg repair` of a complete store: only visits that lost a row are made again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr
from cli.cli_samples import NO_WEIGHTS
from cli.test_cli_repair import flip, hash_of
from fuzzing.store_damage import contents
from in_memory import folder_in_memory
from store.store_samples import same

import overseg
from overseg.cli.main import main
from overseg.data.shot import Shot
from overseg.data.visit import Edges, Visit, VisitKey
from overseg.engine.sweep.crossing import Crossing
from overseg.maintenance.salvage import Salvage
from overseg.maintenance.unfolding import whole_visits
from overseg.store.disk import DiskFolder
from overseg.store.part import part_name
from overseg.store.root import read_root
from overseg.store.zarr_store import ZarrStore

STEP, N_FRAMES = 3, 31
RUN = (*NO_WEIGHTS, "--end", str(N_FRAMES), "--step", str(STEP), "--resize", "96", "--max-missed", "3")
ROWS = {
    "CHUNK_ROWS": 400,
    "RLE_CHUNK_BYTES": 6000,
    "RLE_SHARD_BYTES": 18000,
}  # small: a short video has several


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Like pytest's own, in memory: the store waits for the disk at every step."""
    with folder_in_memory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module", autouse=True)
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in ("zarr_tables", "mask_writer", "mask_table"):
            for name, value in ROWS.items():
                patch.setattr(f"overseg.store.{module}.{name}", value, raising=False)
        yield


@pytest.fixture(scope="module")
def visits() -> dict[VisitKey, Visit]:
    """The visits that the run committed."""
    return {}


@pytest.fixture(scope="module")
def made(carphone, tmp_path_factory, visits, small_chunks) -> Path:
    """A complete store."""
    out, commit = tmp_path_factory.mktemp("made") / "out.zarr", ZarrStore.commit

    def keep(store: ZarrStore, visit: Visit) -> None:
        visits[visit.key] = visit
        commit(store, visit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ZarrStore, "commit", keep)
        assert main(["run", str(carphone), str(out), *RUN]) == 0
    return out


@pytest.fixture
def store(made, folder) -> Path:
    return shutil.copytree(made, folder / "out.zarr")


@pytest.fixture
def made_again(monkeypatch) -> list[VisitKey]:
    """Collects the visits that are made from now on."""
    make, keys = Crossing.make, list[VisitKey]()

    def note(crossing: Crossing, key: VisitKey) -> Visit:
        keys.append(key)
        return make(crossing, key)

    monkeypatch.setattr(Crossing, "make", note)
    return keys


def result_of(store: Path) -> Path:
    return store / "results" / str(read_root(DiskFolder(store)).result)


def in_order(edges: Edges) -> list[tuple[float, ...]]:
    return sorted(zip(*(column.tolist() for column in vars(edges).values()), strict=True))


def test_all_visits_are_in_a_result(made, visits):
    shots = [Shot(*shot) for shot in read_root(DiskFolder(made)).shots]
    salvage = Salvage(DiskFolder(result_of(made)), set(), size=overseg.open(made).size, n_frames=N_FRAMES)
    found = {visit.key: visit for visit in whole_visits(salvage, shots, STEP)}
    assert found.keys() == visits.keys()
    assert sum(len(visit.frontier) for visit in found.values()) > 20
    assert max(int(visit.frontier.missed.max(initial=0)) for visit in found.values()) == 3
    for key, visit in found.items():
        for name in ("masks", "terminations", "frontier", "appearances"):
            assert same(getattr(visit, name), getattr(visits[key], name)), (key, name)
        assert in_order(visit.edges) == in_order(visits[key].edges)


def touching(visits: dict[VisitKey, Visit], frames: np.ndarray) -> set[VisitKey]:
    first, last = frames.min(), frames.max()
    return {key for key in visits if key.start <= last and key.stop >= first}


@pytest.mark.parametrize(
    ("column", "frame_column"),
    [
        ("masks/score", "masks/frame"),
        ("masks/frame", "masks/frame"),
        ("masks/point_xy", "masks/frame"),
        ("masks/rle_offsets", "masks/frame"),
        ("endings/end", "endings/from_frame"),
        ("edges/iou", "edges/frame"),
    ],
)
def test_a_damaged_chunk(column, frame_column, store, made, visits, made_again):
    wanted, result = hash_of(made), overseg.open(made)
    rows = zarr.open_array(result_of(made) / frame_column)[:]
    chunks = sorted((path for path in (result_of(store) / column / "c").rglob("*") if path.is_file()), key=str)
    assert len(chunks) > 2
    damaged = chunks[len(chunks) // 2]
    flip(damaged)
    number = int(damaged.relative_to(result_of(store) / column / "c").parts[0])
    frames = rows[max(0, number * ROWS["CHUNK_ROWS"] - 1) : (number + 1) * ROWS["CHUNK_ROWS"] + 1]
    assert main(["repair", str(store), "--quiet"]) == 0
    assert hash_of(store) == wanted
    assert 0 < len(made_again) < len(visits)
    assert set(made_again) <= touching(visits, frames)
    assert overseg.open(store).summary == result.summary


def test_a_damaged_piece_of_a_file_of_masks(store, made, visits, made_again):
    """One of three chunks in a file is damaged: only that one is lost."""
    files = sorted((result_of(store) / "masks" / "rle_bytes" / "c").iterdir(), key=lambda path: int(path.name))
    n = len(visits)
    flip(files[1], 10)
    assert main(["repair", str(store), "--quiet"]) == 0
    in_a_piece, _ = len(made_again), made_again.clear()
    assert hash_of(store) == hash_of(made)
    files = sorted((result_of(store) / "masks" / "rle_bytes" / "c").iterdir(), key=lambda path: int(path.name))
    files[1].unlink()
    assert main(["repair", str(store), "--quiet"]) == 0
    assert hash_of(store) == hash_of(made)
    assert 0 < in_a_piece < len(made_again) < n


@pytest.mark.parametrize("column", ["association/track", "tracks/part_of", "frames/covered_px", "masks/area_px"])
def test_tables_that_follow_from_others_need_no_visit(column, store, made, made_again, capsys):
    flip(next(path for path in (result_of(store) / column).rglob("*") if path.name.isdecimal()))
    assert main(["repair", str(store), "--quiet"]) == 0
    assert hash_of(store) == hash_of(made)
    assert made_again == []


def test_the_number_of_repeated_visits_is_printed(store, visits, capsys):
    flip(result_of(store) / "masks" / "score" / "zarr.json")
    assert main(["repair", str(store)]) == 0
    assert capsys.readouterr().out.endswith(f"mended, with {len(visits)} visits made again\n")


def test_a_relinked_result_is_repaired_as_relinked(store, made_again):
    assert main(["relink", str(store), "--match-iou", "0.9", "--quiet"]) == 0
    relinked = overseg.open(store)
    wanted = relinked.content_hash(), relinked.summary
    flip(result_of(store) / "masks" / "level" / "c" / "0")
    assert main(["repair", str(store), "--quiet"]) == 0
    again = overseg.open(store)
    assert (again.content_hash(), again.summary) == wanted
    assert again.summary["relinked"]["match_iou"] == 0.9
    assert made_again


def test_an_interrupted_repair_continues(store, made, monkeypatch, made_again):
    """Until the result is repaired it stays as it was, and no visit is made twice."""
    flip(result_of(store) / "masks" / "score" / "c" / "1")
    before = contents(store)
    make = Crossing.make

    def interrupted(crossing: Crossing, key: VisitKey) -> Visit:
        if len(made_again) == 3:
            raise KeyboardInterrupt
        return make(crossing, key)

    with monkeypatch.context() as patch:
        patch.setattr(Crossing, "make", interrupted)
        assert main(["repair", str(store), "--quiet"]) == 130
    after = contents(store)
    assert {name: after.get(name) for name in before} == before
    assert main(["repair", str(store), "--quiet"]) == 0
    assert hash_of(store) == hash_of(made)
    assert 3 < len(made_again) == len(set(made_again)) < 12


def test_a_repair_that_was_interrupted_leaves_a_damaged_visit(store, made, monkeypatch, made_again):
    flip(result_of(store) / "masks" / "score" / "c" / "1")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ZarrStore, "publish", interrupted)
        assert main(["repair", str(store), "--quiet"]) == 130
    n_made = len(made_again)
    for key in (made_again[0], made_again[-1]):
        flip(store / "parts" / part_name(key))
    assert main(["repair", str(store), "--quiet"]) == 0
    assert hash_of(store) == hash_of(made)
    assert len(made_again) == n_made + 2
    assert sorted(path.name for path in store.iterdir()) == ["results", "zarr.json"]


def test_a_complete_store_that_is_run_again_during_a_repair(store, made, carphone, monkeypatch):
    """The run reports that it is complete, and removes nothing that the repair needs."""
    flip(result_of(store) / "masks" / "score" / "c" / "1")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ZarrStore, "publish", interrupted)
        assert main(["repair", str(store), "--quiet"]) == 130
    assert main(["run", str(carphone), str(store), *RUN]) == 0
    assert main(["repair", str(store), "--quiet"]) == 0
    assert hash_of(store) == hash_of(made)

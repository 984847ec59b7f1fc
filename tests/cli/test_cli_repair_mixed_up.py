"""`overseg check` and `overseg repair` of missing, swapped and foreign files."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.test_cli_repair import flip, hash_of
from fuzzing.seed_files import run_to_repair, write_stores_to_repair
from fuzzing.store_damage import contents
from in_memory import folder_in_memory

from overseg.cli.main import main
from overseg.store.integrity import CHECKSUM, sealed

SEED = "0000000004-0000000004.round13.forward.zarr.zip"
PREVIEW = "0000000004-0000000008.round15.forward.zarr.zip"
FIRST, SECOND = (f"{clip}.round01.forward.zarr.zip" for clip in ("0000000000-0000000004", "0000000004-0000000008"))
LAST_MADE = "0000000004-0000000008.round01.backward.zarr.zip"
LAST_PREVIEW = "0000000000-0000000001.round14.backward.zarr.zip"
NAMES = ("repair", "repair unfinished", "repair previews")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Like pytest's own, in memory."""
    with folder_in_memory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, Path]:
    places: dict[str, Path] = {}
    write_stores_to_repair(tmp_path_factory.mktemp("whole"), places)
    return places


@pytest.fixture
def stores(whole, tmp_path) -> list[Path]:
    """A complete store, one whose run ended with its budget, and one that ended during the previews."""
    return [shutil.copytree(whole[name], tmp_path / name) for name in NAMES]


def repaired(store: Path, capsys) -> str:
    """Repair a store and check it; the output of the repair."""
    capsys.readouterr()
    assert main(["repair", str(store)]) == 0
    printed = capsys.readouterr().out
    assert main(["check", str(store)]) == 0
    return printed


def write_attributes(path: Path, **other: Any) -> None:
    """Change attributes of a group, with the right checksum."""
    group = json.loads(path.read_bytes())
    attributes = {name: value for name, value in group["attributes"].items() if name != CHECKSUM}
    path.write_text(json.dumps(group | {"attributes": sealed(attributes | other)}))


def test_two_visits_swapped(stores, whole, capsys):
    _, store, _ = stores
    parts = store / "parts"
    first, second = (parts / name for name in (FIRST, SECOND))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert main(["check", str(store)]) == 1
    assert capsys.readouterr().out.count("it holds another visit") == 2
    assert "2 visits made again" in repaired(store, capsys)
    run_to_repair(whole["repair"].with_name("moving.mp4"), store, None)
    assert hash_of(store) == hash_of(whole["repair"])


def test_a_visit_that_no_run_makes(stores, whole, capsys):
    _, store, _ = stores
    stray = store / "parts" / FIRST.replace("round01", "round02")
    shutil.copyfile(store / "parts" / FIRST, stray)
    assert "0 visits made again" in repaired(store, capsys)
    assert not stray.exists()
    assert hash_of(store) == hash_of(whole["repair unfinished"])


@pytest.mark.parametrize(
    ("number", "gone", "damaged"), [(1, FIRST, SECOND), (1, SECOND, LAST_MADE), (2, SEED, PREVIEW)]
)
def test_the_visits_before_a_damaged_one_are_missing(stores, whole, capsys, number, gone, damaged):
    store = stores[number]
    (store / "parts" / gone).unlink()
    flip(store / "parts" / damaged)
    flip(next((store / "results" / "1" / "masks" / "frame" / "c").rglob("0")))
    assert "2 visits made again" in repaired(store, capsys)
    assert hash_of(store) == hash_of(whole[NAMES[number]])


@pytest.mark.parametrize(("number", "gone"), [(1, LAST_MADE), (2, LAST_PREVIEW)])
def test_the_last_visits_are_missing_and_the_result_is_damaged(stores, whole, refused, number, gone):
    """The missing visits are not known: the damaged result was made of more visits than a new one would be."""
    store = stores[number]
    (store / "parts" / gone).unlink()
    flip(next((store / "results" / "1" / "masks" / "frame" / "c").rglob("0")))
    before = contents(store)
    assert "of which 1 are missing: run the original command again" in refused("repair", store, "--quiet")
    assert contents(store) == before
    run_to_repair(whole["repair"].with_name("moving.mp4"), store, None)
    assert hash_of(store) == hash_of(whole["repair"])


def test_a_relinked_result_of_an_unfinished_run(stores, capsys):
    _, store, _ = stores
    wanted = hash_of(store)
    assert main(["relink", str(store), "--match-iou", "0.95", "--quiet"]) == 0
    relinked = hash_of(store)
    assert relinked != wanted
    flip(next((store / "results" / "2" / "masks" / "frame" / "c").rglob("0")))
    repaired(store, capsys)
    assert hash_of(store) == relinked


def test_a_damaged_visit_that_the_end_of_the_run_left_over(stores, whole, capsys):
    complete, unfinished, _ = stores
    shutil.copytree(unfinished / "parts", complete / "parts")
    flip(complete / "parts" / FIRST)
    assert main(["check", str(complete)]) == 0
    assert "nothing is damaged" in repaired(complete, capsys)
    flip(next((complete / "results" / "1" / "masks" / "frame" / "c").rglob("0")))
    repaired(complete, capsys)
    assert hash_of(complete) == hash_of(whole["repair"])


def test_a_chunk_where_none_was_written(stores, whole, capsys):
    """All rows of the column `shot` are 0, so no chunk of it was written."""
    store, *_ = stores
    result = store / "results" / "1"
    chunk = result / "frames" / "shot" / "c" / "0"
    assert not chunk.exists()
    chunk.parent.mkdir()
    shutil.copyfile(result / "frames" / "n_masks" / "c" / "0", chunk)
    assert main(["check", str(store)]) == 1
    assert f"{chunk}: it was not written with the others" in capsys.readouterr().out
    assert main(["info", str(store)]) == 1
    repaired(store, capsys)
    assert hash_of(store) == hash_of(whole["repair"])


@pytest.mark.parametrize("other", ["results/zarr.json", "zarr.json"])
def test_the_attributes_of_another_group(stores, whole, capsys, other):
    for name, store in zip(NAMES, stores, strict=True):
        shutil.copyfile(store / other, store / "results" / "1" / "zarr.json")
        assert main(["info", str(store)]) == 1
        repaired(store, capsys)
        assert hash_of(store) == hash_of(whole[name])


def test_a_file_where_a_result_would_be(stores, whole, capsys):
    store, *_ = stores
    (store / "results" / "0").write_text("a letter")
    flip(next((store / "results" / "1" / "masks" / "frame" / "c").rglob("0")))
    repaired(store, capsys)
    assert hash_of(store) == hash_of(whole["repair"])
    assert (store / "results" / "0").read_text() == "a letter"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"shots": "x"}, "shots is not valid"),
        ({"shots": [[0, 10**12]]}, "do not fit its video"),
        ({"shots": None}, "do not fit its video"),
        ({"size": [48]}, "size is not valid"),
        ({"size": ["a", "b"]}, "size is not valid"),
        ({"result": "../../elsewhere"}, "result is not valid"),
        ({"final": "yes"}, "final is not valid"),
        ({"identity": []}, "identity is not valid"),
        ({"provenance": {}}, "does not name its"),
        ({"identity": {"settings": 3}}, "was not made by `overseg run`"),
    ],
)
def test_invalid_attributes_of_a_store(stores, refused, wrong, words):
    """The checksum is right."""
    store, *_ = stores
    flip(next((store / "results" / "1" / "masks" / "frame" / "c").rglob("0")))
    write_attributes(store / "zarr.json", **wrong)
    before = contents(store)
    assert words in refused("repair", store, "--quiet")
    assert contents(store) == before


def test_invalid_attributes_of_a_result(stores, whole, capsys):
    for wrong in ({"files": {"masks/frame/c/0": "x"}}, {"files": None}, {"summary": []}):
        store = shutil.copytree(whole["repair"], stores[0] / "inner")
        write_attributes(store / "results" / "1" / "zarr.json", **wrong)
        assert main(["check", str(store)]) == 1
        repaired(store, capsys)
        assert hash_of(store) == hash_of(whole["repair"])
        shutil.rmtree(store)


@pytest.mark.parametrize("summary", [{}, {"n_visits": "x"}, {"relinked": []}])
def test_an_invalid_summary(stores, whole, capsys, summary):
    for name, store in zip(NAMES[:2], stores, strict=False):
        write_attributes(store / "results" / "1" / "zarr.json", summary=summary)
        flip(next((store / "results" / "1" / "masks" / "frame" / "c").rglob("0")))
        repaired(store, capsys)
        assert hash_of(store) == hash_of(whole[name])

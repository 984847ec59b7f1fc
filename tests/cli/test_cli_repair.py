"""`overseg check` and `overseg repair`: flipped bits are found and reported, and the damaged parts made again."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from cli.cli_samples import NO_WEIGHTS

import overseg
from overseg.cli.main import main
from overseg.data.visit import Visit
from overseg.errors import StoreError
from overseg.store.zarr_store import ZarrStore

RUN = (*NO_WEIGHTS, "--end", "14", "--step", "4", "--resize", "112")
BUDGET = ("--budget", "masks=500")


@pytest.fixture(scope="module")
def made(carphone, tmp_path_factory) -> Path:
    """A complete store, and one whose run ended with its budget."""
    folder = tmp_path_factory.mktemp("made")
    assert main(["run", str(carphone), str(folder / "final.zarr"), *RUN]) == 0
    assert main(["run", str(carphone), str(folder / "part.zarr"), *RUN, *BUDGET]) == 0
    return folder


@pytest.fixture
def final(made, folder) -> Path:
    return shutil.copytree(made / "final.zarr", folder / "final.zarr")


@pytest.fixture
def part(made, folder) -> Path:
    return shutil.copytree(made / "part.zarr", folder / "part.zarr")


def files_of(store: Path) -> list[Path]:
    return sorted(path for path in store.rglob("*") if path.is_file())


def flip(path: Path, at: int | None = None) -> None:
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 4
    path.write_bytes(content)


def hash_of(store: Path) -> str:
    return overseg.open(store).content_hash()


def test_a_whole_store_is_not_changed(final, part, capsys):
    for store in (final, part):
        before = {path: path.read_bytes() for path in files_of(store)}
        assert main(["check", str(store)]) == 0
        assert main(["repair", str(store), "--quiet"]) == 0
        assert {path: path.read_bytes() for path in files_of(store)} == before
    assert capsys.readouterr().out.count("nothing is damaged") == 2


@pytest.mark.parametrize("name", ["final", "part"])
def test_a_flipped_bit_is_found_in_any_file(name, made, folder, capsys):
    """In any file, check reports it, and it is never read as something else."""
    store = shutil.copytree(made / f"{name}.zarr", folder / "out.zarr")
    wanted, dice = hash_of(store), np.random.default_rng(0)
    for path in files_of(store):
        if path == store / "results" / "zarr.json":  # it only marks a group
            continue
        whole = path.read_bytes()
        flip(path, int(dice.integers(len(whole))))
        assert main(["check", str(store)]) == 1, path
        printed = capsys.readouterr()
        assert str(path) in printed.out + printed.err
        try:
            assert hash_of(store) == wanted
        except StoreError as e:
            assert "\n" not in str(e)
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "damaged", ["masks/rle_bytes", "association/track", "tracks/part_of", "edges/iou", "zarr.json"]
)
def test_a_damaged_result_of_a_complete_store(damaged, final, capsys):
    wanted = hash_of(final)
    (result,) = (path for path in (final / "results").iterdir() if path.is_dir())
    path = result / damaged if damaged.endswith("json") else next((result / damaged / "c").rglob("0"))
    flip(path)
    assert main(["check", str(final)]) == 1
    assert str(path) in capsys.readouterr().out
    assert main(["repair", str(final), "--quiet"]) == 0
    assert hash_of(final) == wanted
    assert overseg.open(final).final
    assert main(["check", str(final)]) == 0


def test_a_damaged_visit_is_made_again_and_no_other(part, made, carphone, monkeypatch):
    commit, made_again = ZarrStore.commit, []

    def count(store: ZarrStore, visit: Visit) -> None:
        made_again.append(visit)
        commit(store, visit)

    monkeypatch.setattr(ZarrStore, "commit", count)
    n_parts = len(files_of(part / "parts"))
    assert n_parts > 3
    for number in (0, n_parts // 2, n_parts - 1):
        before = {path.name: path.read_bytes() for path in files_of(part / "parts")}
        path = files_of(part / "parts")[number]
        flip(path)
        made_again.clear()
        assert main(["repair", str(part), "--quiet"]) == 0
        assert len(made_again) == 1
        after = {one.name: one.read_bytes() for one in files_of(part / "parts")}
        assert [name for name in before if after[name] != before[name]] in ([], [path.name])  # except for its seconds
        assert hash_of(part) == hash_of(made / "part.zarr")
    assert main(["run", str(carphone), str(part), *RUN]) == 0
    assert hash_of(part) == hash_of(made / "final.zarr")


def test_several_visits_and_the_result(part, made):
    """All visits but one, and the result: each visit is made after those that it starts from."""
    for path in files_of(part / "parts")[1:]:
        flip(path)
    (result,) = (path for path in (part / "results").iterdir() if path.is_dir())
    flip(next((result / "masks" / "frame" / "c").rglob("0")))
    assert main(["repair", str(part), "--quiet"]) == 0
    assert hash_of(part) == hash_of(made / "part.zarr")
    assert overseg.open(part).summary["stop_reason"] == overseg.open(made / "part.zarr").summary["stop_reason"]


def test_stores_that_cannot_be_repaired(final, folder, refused, images, run):
    root = (final / "zarr.json").read_bytes()
    for place in (root.index(b'"cpu"') + 1, root.index(b'"attributes"')):
        flip(final / "zarr.json", place)
        assert f"in {final / 'zarr.json'}, found them damaged" in refused("repair", final)
        (final / "zarr.json").write_bytes(root)
    assert "found nothing" in refused("check", "none.zarr")
    assert run(images, "out.zarr") == 0
    flip(next((folder / "out.zarr" / "results" / "1" / "masks" / "frame" / "c").rglob("0")))
    (folder / images / "1.png").write_bytes((folder / images / "2.png").read_bytes())
    before = {path: path.read_bytes() for path in files_of(folder / "out.zarr")}
    assert "cannot be repaired from this: video.sha256" in refused("repair", "out.zarr", "--quiet")
    assert {path: path.read_bytes() for path in files_of(folder / "out.zarr")} == before
    (folder / images).rename(folder / "moved")
    assert "there is no file or folder" in refused("repair", "out.zarr", "--quiet")


def test_an_import_must_be_made_again(final, folder, refused):
    assert main(["export", str(final), "out.json", "--format", "coco", "--quiet"]) == 0
    assert main(["import", "out.json", "again.zarr", "--format", "coco", "--quiet"]) == 0
    flip(next((folder / "again.zarr" / "results" / "1" / "masks" / "frame" / "c").rglob("0")))
    assert "was not made by `overseg run`: make it again as it was made" in refused("repair", "again.zarr", "--quiet")


def test_a_copy_made_while_it_was_written(final, part):
    """For any missing file, the copy opens and is right, or one line names the file."""
    wanted = {final: hash_of(final), part: hash_of(part)}
    for store in (final, part):
        for path in files_of(store)[::3]:
            copy = shutil.copytree(store, store.with_name("copy.zarr"))
            (copy / path.relative_to(store)).unlink()
            try:
                assert hash_of(copy) == wanted[store]
            except StoreError as e:
                assert "\n" not in str(e)
                assert path.name in str(e) or "found them damaged" in str(e)
            shutil.rmtree(copy)

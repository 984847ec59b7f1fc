"""Repair of damaged stores, held against the store that was never damaged."""

import io
import random
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from fuzzing.seed_files import run_to_repair
from fuzzing.store_damage import contents, damage_store

from overseg.cli.main import main
from overseg.errors import OversegError
from overseg.maintenance.check import find_damage
from overseg.store.disk import DiskFolder
from overseg.store.result import open_result

_NOTHING_MAY_BE_EQUAL = {"sealed_again"}  # another store may be read then, and nobody can tell
_VISITS_MAY_BE_GONE = {"gone", "folder_gone"}


class Repairing:
    """A reader of damaged stores: `overseg repair` refuses in one line and takes nothing away, or makes them equal."""

    def __init__(self, whole: Path, complete: Path, video: Path) -> None:
        """
        Args:
            whole: the store before it is damaged.
            complete: what it is in the end, when its run went on without a budget.
            video: what it was made of.
        """
        self._whole, self._video = contents(whole), video
        self._hash, self._hash_in_the_end = (open_result(store).content_hash() for store in (whole, complete))

    def __call__(self, source: Path, scratch: Path, number: int) -> None:
        store = shutil.copytree(source, scratch / "a.zarr")
        ways = damage_store(store, random.Random(number))
        before = contents(store)
        code, told = _command("repair", str(store), "--quiet")
        after = contents(store)
        assert sorted(path.name for path in scratch.iterdir()) == ["a.zarr"], "something lies beside the store"
        if code:
            lost = [name for name in before if self._is_whole(name, before) and after.get(name) != before[name]]
            assert not lost, f"refused, and {lost} lost"
            assert told.startswith("overseg: ") and told.count("\n") == 1, f"told {told!r}"
            raise OversegError(told.strip())
        assert told == "", f"told {told!r}"
        if not ways & _NOTHING_MAY_BE_EQUAL:
            assert find_damage(DiskFolder(store)) == [], "it is damaged still"
            self._check(store, of_a_part=bool(ways & _VISITS_MAY_BE_GONE))

    def _is_whole(self, name: str, there: dict[str, bytes]) -> bool:
        return there[name] == self._whole.get(name)

    def _check(self, store: Path, *, of_a_part: bool) -> None:
        """Where nobody can know which visits were there, it goes on to the same end."""
        if of_a_part:
            run_to_repair(self._video, store, None)
        wanted = self._hash_in_the_end if of_a_part else self._hash
        assert open_result(store).content_hash() == wanted, "another result"


def _command(*words: str) -> tuple[int, str]:
    """The exit code of a command, and what it told."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    return code, out.getvalue() + err.getvalue()

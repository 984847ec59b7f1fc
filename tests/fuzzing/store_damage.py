"""Ways to damage a store: a file of it, or several at once."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from fuzzing.damage import damaged

from overseg.store.integrity import CHECKSUM, sealed

_MOST_IN_A_FOLDER = 40  # of files that are lost together


def contents(store: Path) -> dict[str, bytes]:
    """What is in every file of a store, by its path there."""
    files = (path for path in store.rglob("*") if path.is_file())
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in files}


def damage_store(store: Path, dice: random.Random) -> set[str]:
    """Damage some files; returns the ways in which they were."""
    ways = set()
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        files = _files(store)
        way = dice.choices(list(_WAYS), list(_WAYS.values()))[0]
        way(dice.choice(files), files, dice)
        ways.add(way.__name__)
    return ways


def _files(store: Path) -> list[Path]:
    """Its files; those that say what the others are, and visits, several times."""
    files = sorted(path for path in store.rglob("*") if path.is_file())
    telling = [path for path in files if path.parent.name != "c" and len(path.relative_to(store).parts) <= 3]
    return files + telling * (len(files) // max(4 * len(telling), 1))


def damaged_bytes(path: Path, files: list[Path], dice: random.Random) -> None:
    path.write_bytes(damaged(path.read_bytes(), path.suffix, dice))


def cut(path: Path, files: list[Path], dice: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: dice.choice((0, len(content) // 2, max(len(content) - 1, 0)))])


def gone(path: Path, files: list[Path], dice: random.Random) -> None:
    path.unlink()


def folder_gone(path: Path, files: list[Path], dice: random.Random) -> None:
    if sum(1 for _ in path.parent.rglob("*")) <= _MOST_IN_A_FOLDER:
        shutil.rmtree(path.parent)


def swapped(path: Path, files: list[Path], dice: random.Random) -> None:
    """With another one; often one of the same name, of another array or another group."""
    other = dice.choice([dice.choice(files), *(one for one in files if one.name == path.name)])
    content = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(content)


def copied(path: Path, files: list[Path], dice: random.Random) -> None:
    """Over another one, or to where there is none: a further chunk, or a further visit."""
    places = [dice.choice(files)]
    if path.name.isdecimal():
        places += [path.with_name("1"), dice.choice(files).parent / path.name]
    elif path.suffix == ".zip":
        places.append(path.with_name(path.name.replace("round0", "round1")))
    content = path.read_bytes()
    dice.choice(places).write_bytes(content)


def became_a_folder(path: Path, files: list[Path], dice: random.Random) -> None:
    path.unlink()
    path.mkdir()


def sealed_again(path: Path, files: list[Path], dice: random.Random) -> None:
    """What a group says, with another value and the right checksum; of other files some bytes."""
    try:
        group = json.loads(path.read_bytes())
        attributes = {name: value for name, value in group["attributes"].items() if name != CHECKSUM}
        group["attributes"] = sealed(json.loads(damaged(json.dumps(attributes).encode(), ".json", dice)))
        path.write_text(json.dumps(group))
    except (ValueError, KeyError, TypeError, AttributeError):
        damaged_bytes(path, files, dice)


_Way = Callable[[Path, list[Path], random.Random], None]
_WAYS: dict[_Way, int] = {
    damaged_bytes: 40,
    cut: 10,
    gone: 12,
    folder_gone: 4,
    swapped: 12,
    copied: 8,
    became_a_folder: 2,
    sealed_again: 12,
}

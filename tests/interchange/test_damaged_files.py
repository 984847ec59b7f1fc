"""Files that are broken in any way are read, or refused in one line; nothing else happens."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from overseg.annotations.placing import place_pictures
from overseg.data.filters import Filters
from overseg.errors import OversegError
from overseg.interchange.formats import FORMATS
from overseg.interchange.import_journal import ImportJournal
from overseg.interchange.imported import on_frames
from overseg.interchange.target import Target

N_INPUTS = 25  # for each format
STRANGE = (None, -1, 0, 1e308, 10**30, "", "x", "../../etc/passwd", [], {}, [[]], True, -0.5, "\0", 2**31)
NUMBERS = (-1, 0, 10**12, "x", "", "nan", "1e400")
TEXT = (".txt", ".xml", ".ini")


@pytest.mark.parametrize("format", tuple(FORMATS))
def test_damaged_files(exported, format):
    folder = exported(format, filters=Filters(end=2, min_area_px=400))
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".npz", *TEXT) or _is_map(path))
    dice = random.Random(format)
    n_refused = 0
    for _ in range(N_INPUTS):
        path = dice.choice(files)
        whole = path.read_bytes()
        path.write_bytes(_damaged(whole, path.suffix, dice))
        try:
            annotations = FORMATS[format].read(folder)
            imported = on_frames(annotations, place_pictures(annotations), Target({}))
            list(ImportJournal(imported.size).visits(imported))
        except OversegError as error:
            n_refused += 1
            assert "\n" not in str(error)
        path.write_bytes(whole)
    assert n_refused > N_INPUTS / 10


def _is_map(path: Path) -> bool:
    return path.suffix == ".png" and not path.is_symlink()


def _damaged(content: bytes, suffix: str, dice: random.Random) -> bytes:
    way = dice.random()
    if suffix == ".json" and way < 0.6:
        return json.dumps(_with_something_strange(json.loads(content), dice)).encode()
    if suffix in TEXT and way < 0.5:
        return _with_another_number(content, dice)
    if way < 0.85 and content:
        changed = bytearray(content)
        for _ in range(dice.choice((1, 2, 8))):
            changed[dice.randrange(min(len(changed), dice.choice((64, 400, 10**9))))] = dice.randrange(256)
        return bytes(changed)
    return content[: dice.randrange(len(content) + 1)]


def _with_something_strange(tree: Any, dice: random.Random) -> Any:
    """A value at some place of the tree replaced, or gone."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(min(len(node), 6)) if isinstance(node, list) else ():
            places.append((node, key))
            walk(node[key])

    walk(tree)
    node, key = dice.choice(places)
    if isinstance(node, dict) and dice.random() < 0.25:
        del node[key]
    else:
        node[key] = dice.choice(STRANGE)
    return tree


def _with_another_number(content: bytes, dice: random.Random) -> bytes:
    text = content.decode("latin-1")
    numbers = list(re.finditer(r"\d+", text))
    if not numbers:
        return b""
    match = dice.choice(numbers)
    return f"{text[: match.start()]}{dice.choice(NUMBERS)}{text[match.end() :]}".encode("latin-1")

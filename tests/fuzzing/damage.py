"""Ways to damage a file: bytes, and what stands in JSON, text and archives."""

import copy
import json
import random
import re
import zipfile
import zlib
from io import BytesIO
from typing import Any

_STRANGE: tuple[Any, ...] = (
    *(None, -1, 0, 1, 2**31, 2**63, 10**30, 1e308, -0.5, True, "", "x", "\0", "é", "1e999", "nan"),
    *(
        "../../../outside",
        "/tmp/outside",
        "..",
        "a/b",
        "x" * 300,
        [],
        {},
        [[]],
        [{}],
        100_000,
        "0",
        [0],
        [1e9, -1e9] * 3,
    ),
)
_NUMBERS = ("-1", "0", "100000", "4294967296", "10" * 20, "x", "", "nan", "1e400", "../../outside", "0.5")
_PNG = b"\x89PNG\r\n\x1a\n"
_TEXT = (".txt", ".xml", ".ini", ".csv", ".yaml")


def damaged(content: bytes, suffix: str, dice: random.Random) -> bytes:
    """The content of a file with something wrong; by chance it may still be right."""
    way = dice.random()
    if suffix == ".json" and way < 0.6:
        return _with_something_strange(content, dice)
    if suffix in _TEXT and way < 0.5:
        return _with_another_number(content, dice)
    if suffix == ".png" and way < 0.6 and content.startswith(_PNG):
        return _with_a_damaged_chunk(content, dice)
    if suffix in (".npz", ".zip") and way < 0.5:
        return _with_a_damaged_member(content, dice)
    if way < 0.85 and content:
        return _with_other_bytes(content, dice)
    if way < 0.92:
        at = dice.randrange(len(content) + 1)
        return content[:at] + dice.randbytes(dice.choice((1, 4, 64))) + content[at:]
    return content[: dice.randrange(len(content) + 1)]


def _with_other_bytes(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = dice.randrange(min(len(changed), dice.choice((64, 400, 10**9))))
        changed[at] = changed[at] ^ 1 << dice.randrange(8) if dice.random() < 0.5 else dice.randrange(256)
    return bytes(changed)


def _with_something_strange(content: bytes, dice: random.Random) -> bytes:
    """A value at some place of the tree replaced, or gone, or two of them."""
    try:
        tree = json.loads(content)
    except ValueError:
        return _with_other_bytes(content, dice) if content else b"{"
    for _ in range(dice.choice((1, 1, 2))):
        places = list(_places(tree))
        if not places:
            break
        node, key = dice.choice(places)
        if isinstance(node, dict) and dice.random() < 0.2:
            del node[key]
        else:
            node[key] = copy.deepcopy(dice.choice(_STRANGE))
    return json.dumps(tree).encode()


def _places(node: Any) -> Any:
    keys = list(node) if isinstance(node, dict) else range(min(len(node), 6)) if isinstance(node, list) else ()
    for key in keys:
        yield node, key
        yield from _places(node[key])


def _with_another_number(content: bytes, dice: random.Random) -> bytes:
    text = content.decode("latin-1")
    words = list(re.finditer(r"\d+|\b\w+\b", text))
    if not words:
        return b""
    match = dice.choice(words)
    return f"{text[: match.start()]}{dice.choice(_NUMBERS)}{text[match.end() :]}".encode("latin-1")


def _with_a_damaged_chunk(content: bytes, dice: random.Random) -> bytes:
    """A PNG in which a chunk, or what is compressed in it, is damaged, and whose checksums are right."""
    chunks, at = [], len(_PNG)
    while at < len(content):
        n_bytes = int.from_bytes(content[at : at + 4])
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + n_bytes]))
        at += 12 + n_bytes
    place = dice.randrange(len(chunks))
    kind, data = chunks[place]
    if kind == b"IDAT" and dice.random() < 0.7:
        data = zlib.compress(_with_other_bytes(zlib.decompress(data), dice))
    elif kind == b"IHDR" and dice.random() < 0.5:
        side = dice.choice((0, 1, 100, 5000, 100_000, 2**31 - 1)).to_bytes(4)
        data = side + data[4:] if dice.random() < 0.5 else side + side + data[8:]
    elif data:
        data = _with_other_bytes(data, dice)
    chunks[place] = kind, data
    return _PNG + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in chunks
    )


def _with_a_damaged_member(content: bytes, dice: random.Random) -> bytes:
    """An archive in which a member is damaged, gone, or called otherwise, and whose checksums are right."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):  # damaged already
        return _with_other_bytes(content, dice) if content else b"PK"
    name = dice.choice(sorted(members))
    way = dice.random()
    if way < 0.6:
        is_json = name.endswith(".json")
        members[name] = damaged(members[name], ".json" if is_json else "", dice)
    elif way < 0.8:
        del members[name]
    else:
        members[dice.choice(("../../outside", "masks.npy", "x"))] = members.pop(name)
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return file.getvalue()

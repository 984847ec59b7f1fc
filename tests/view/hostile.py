"""Requests that no page makes, byte by byte, so that nothing on the way corrects them."""

import json
import random
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from select import select
from typing import Any

Header = tuple[str, str]
_CUT = ("sizes", "bytes")  # of the kinds, those with requests that lack their end
_SHORT_S, _LONG_S = 0.02, 60.0
KINDS = ("paths", "numbers", "bodies", "origins", "sizes", "bytes")

_PATHS = [
    "{}",
    "api/{}",
    "../{}",
    "..%2f..%2f{}",
    "%00{}",
    "page/{}",
    "api//{}",
    "api/edit/{}",
    "./././{}",
    "%252e%252e/{}",
]
_NAMES = [
    "server.py",
    "etc/passwd",
    "\\..\\..",
    "index.html%00.py",
    "style.css/",
    "desk.py",
    "%ff%fe",
    "",
    "..",
    "~root",
]
_NAMES += ["a" * 3000]
_NUMBERED = [
    "api/masks/{}",
    "api/picture/{}",
    "api/crop/{}",
    "api/panel/{}",
    "api/bars?tracks={}",
    "api/facts?store={}",
]
_NUMBERED += ["api/differences/{}", "api/crop/0?frame={}", "api/masks/0?store={}", "api/bars?tracks=0,{}"]
_NUMBERED += ["api/changes?since={}", "api/picture/0?width={}"]
_NUMBERS = [
    "",
    "9" * 500,
    *["-1", "1e9", "99999", "999999999999", "0x1", "NaN", "%00", "..%2f..", "%D9%A3", "1.5", "[]", "0,0", "+0"],
]
_VALUES: list[Any] = [None, True, -1, 10**30, 1.5, "", "x" * 300, [], {}, [[]], {"a": {}}, [0, "z"], [10**9]]
_VALUES += ["\ud83d", "\n", [[0, "zz"]], [[0, "0" * 5000]], [[float("nan"), 1, 1]], [[1, 1, 2]]]
_VALUES += [[float("inf")] * 4]
_PLACES = [[5, 5, 1, 1], [0, 0], [[1, 2, 3]], [9, 9, 9, 9], [0, 0, 1e9, 1e9]]
_FOREIGN = ["http://evil.example", "null", "file://", "http://127.0.0.1", "http://localhost.evil.example"]
_FOREIGN += ["https://127.0.0.1:{port}"]
_HOSTS = ["evil.example", "127.0.0.1", "[::1]", "localhost:1", "127.0.0.1:{port}.evil.example", ""]
_HOSTS += ["evil.example:{port}"]
_METHODS = ["GET", "HEAD", "PUT", "DELETE", "TRACE", "OPTIONS", "get"]
_NO_BODIES = [b"", b"{", b"[" * 20000, b"\xff" * 9, b"null", b"1e999", b'{"a":' * 5000]


@dataclass(frozen=True)
class Target:
    """A server to ask.

    Attributes:
        port: where it listens.
        token: the first part of its addresses.
        seat: lets a request edit.
    """

    port: int
    token: str
    seat: str


def ask_hostile(target: Target, n: int, rng: random.Random) -> Counter[tuple[str, str]]:
    """Send n requests of all kinds, and count the answers: (kind, status), with "none" for a closed connection."""
    found: Counter[tuple[str, str]] = Counter()
    for number in range(n):
        kind = KINDS[number % len(KINDS)]
        wait_s = _SHORT_S if kind in _CUT else _LONG_S
        found[kind, _answer(target.port, _MAKERS[kind](target, rng), wait_s=wait_s)] += 1
    return found


def _answer(port: int, content: bytes, *, wait_s: float) -> str:
    """The status of the answer; "none" if there is none, or the server closes the connection without one.

    A server waits for the rest of a request that is cut: after `wait_s`, it is told that there is no more.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        first = b""
        try:
            connection.sendall(content)
            if not select([connection], [], [], wait_s)[0]:
                connection.shutdown(socket.SHUT_WR)
            first = connection.recv(1 << 16)
            while connection.recv(1 << 16):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass
    words = first.split(b" ", 2)
    return words[1].decode() if len(words) > 1 and words[0].startswith(b"HTTP/") else "none"


def _request(
    target: Target, path: str, body: bytes | None = None, *, method: str = "", headers: tuple[Header, ...] = ()
) -> bytes:
    """A request as the page makes it; headers that are given replace its own."""
    own = {"Host": f"127.0.0.1:{target.port}", "Connection": "close"}
    if body is not None:
        own["Content-Length"] = str(len(body))
    given = {name for name, _ in headers}
    lines = [f"{name}: {value}" for name, value in own.items() if name not in given]
    lines += [f"{name}: {value}" for name, value in headers if value is not None]
    start = f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1"
    return "\r\n".join([start, *lines, "", ""]).encode("utf-8", "surrogatepass") + (body or b"")


def _of_paths(target: Target, rng: random.Random) -> bytes:
    path = rng.choice(_PATHS).format(rng.choice(_NAMES))
    return _request(target, f"/{target.token}/{path}", method=rng.choice(_METHODS))


def _of_numbers(target: Target, rng: random.Random) -> bytes:
    return _request(target, f"/{target.token}/" + rng.choice(_NUMBERED).format(rng.choice(_NUMBERS)))


def _of_bodies(target: Target, rng: random.Random) -> bytes:
    do = rng.choice(["merge", "split", "drop", "restore", "name", "correct", "new", "propagate", "x", None, 7])
    found = {"do": do, "seat": rng.choice([target.seat, "", None, 5]), "frame": rng.choice(_VALUES)}
    for name in ("tracks", "masks", "at", "name", "category", "points", "box", "how"):
        if rng.random() < 0.6:
            found[name] = rng.choice([*_VALUES, *_PLACES] if name in ("points", "box") else _VALUES)
    content = json.dumps(found).encode()
    if rng.random() < 0.3:
        content = rng.choice([*_NO_BODIES, content[: len(content) // 2]])
    return _request(target, f"/{target.token}/" + rng.choice(["api/edit", "api/prompt", "api/prepare"]), content)


def _of_origins(target: Target, rng: random.Random) -> bytes:
    """An edit that the server would make for its own page."""
    body = json.dumps({"do": "drop", "tracks": [0], "seat": target.seat}).encode()
    token, port = target.token, target.port
    headers: tuple[Header, ...] = ()
    match rng.randrange(4):
        case 0:
            headers = (("Origin", rng.choice(_FOREIGN).format(port=port)),)
        case 1:
            headers = (("Host", rng.choice(_HOSTS).format(port=port)),)
        case 2:
            headers = (("Sec-Fetch-Site", rng.choice(["cross-site", "same-site", "none"])),)
        case _:
            token = rng.choice(["", token[:-1], token + "x", token.swapcase(), "%00", "wrong", token[1:]])
    return _request(target, f"/{token}/api/edit", body, headers=headers)


def _of_sizes(target: Target, rng: random.Random) -> bytes:
    """Lengths that are wrong, and requests that are long."""
    path, body = f"/{target.token}/api/edit", json.dumps({"do": "drop", "tracks": [0], "seat": target.seat}).encode()
    match rng.randrange(4):
        case 0:
            length = rng.choice(["-1", "1e3", "x", str(1 << 40), "9" * 400, str(len(body) + 7), "", "0x5"])
            return _request(target, path, body, headers=(("Content-Length", length),))
        case 1:
            return _request(target, path, headers=(("Content-Length", "3"), ("Content-Length", "4")), method="POST")
        case 2:
            chunks = rng.choice([b"fffffffff\r\nx", b"-1\r\n\r\n", b"zz\r\n", b"5\r\nab", b"0\r\n\r\n"])
            return _request(target, path, headers=(("Transfer-Encoding", "chunked"),), method="POST") + chunks
        case _:
            long = "x" * rng.choice([9_000, 70_000, 300_000])
            if rng.random() < 0.5:
                return _request(target, path + long)
            return _request(target, path, headers=(("X", long),))


def _of_bytes(target: Target, rng: random.Random) -> bytes:
    """A request with changed bytes, or none at all."""
    if rng.random() < 0.2:
        return rng.randbytes(rng.randrange(1, 400))
    content = bytearray(_request(target, f"/{target.token}/api/state", b'{"seat": "other"}'))
    for _ in range(rng.randrange(1, 6)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content[: rng.randrange(1, len(content))] if rng.random() < 0.2 else content)


_MAKERS: dict[str, Callable[[Target, random.Random], bytes]] = dict(
    zip(KINDS, (_of_paths, _of_numbers, _of_bodies, _of_origins, _of_sizes, _of_bytes), strict=True)
)

"""A local server that fails like real ones."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from overseg.weights import Checkpoint, WeightFile


@dataclass
class Server:
    """Serves one file, and records the requests.

    Attributes:
        payload: what it serves.
        ranges: the Range header of each request so far; None where there was none.
        cut_after: bytes after which the next answers break off, one number each.
        ignores_range: it sends all of the file whatever is asked.
        status: answer everything with this status instead.
    """

    payload: bytes
    url: str = ""
    ranges: list[str | None] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)
    ignores_range: bool = False
    status: int | None = None


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.ranges.append(asked)
            if server.status is not None:
                self.send_error(server.status)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and not server.ignores_range else 0
            if start >= len(server.payload):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(server.payload) - start))
            self.end_headers()
            stop = start + server.cut_after.pop(0) if server.cut_after else len(server.payload)
            self.wfile.write(server.payload[start:stop])

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], Server]]:
    """Call it with what to serve; it returns the server, running on loopback."""
    running = []

    def start(payload: bytes) -> Server:
        server = Server(payload)
        httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
        server.url = f"http://127.0.0.1:{httpd.server_address[1]}"
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((httpd, thread))
        return server

    yield start
    for httpd, thread in running:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


PAYLOAD = bytes(range(256)) * 4096  # one megabyte


@pytest.fixture
def toy_checkpoint() -> Checkpoint:
    """A made-up checkpoint of one file, whose content is PAYLOAD."""
    file = WeightFile("toy.pt", len(PAYLOAD), hashlib.sha256(PAYLOAD).hexdigest())
    return Checkpoint("toy", "sam1", (file,), "MIT", "http://127.0.0.1:9/")


@pytest.fixture
def payload() -> bytes:
    """What the file of `toy_checkpoint` holds."""
    return PAYLOAD

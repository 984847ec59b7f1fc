"""A local server with Replicate's HTTP API, and a second server for its files, which are on another host too.

Replicate's own client, `replicate` 1.0.7 and 0.32.1, has run models on it: what it sends is taken, and what it needs
is answered.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "r8_a_secret_of_the_user"
_THEN = "2026-11-21T00:00:00Z"


@dataclass
class FakeReplicate:
    """Records requests and answers them, with failures on demand.

    Attributes:
        models: by name, what a model makes of its input, where files are their content: bytes, or a list of them, each
            of which becomes a file to download, or JSON.
        official: whether models run by their name, and not by a version alone.
        n_polls: how often an unfinished prediction is polled before it ends.
        failures: statuses to answer the next requests with, before any other.
        lost: requests that are done, and whose answer then does not come.
        status: how predictions end.
        seen: (method, address, Authorization) of every request to the API, and to where files are.
    """

    models: dict[str, Callable[[dict[str, Any]], Any]]
    official: bool = True
    n_appearances: int = 2
    failures: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    status: str = "succeeded"
    error: str | None = None
    redirects: bool = False
    url: str = ""
    files_url: str = ""
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)
    inputs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)
    appearances: dict[str, int] = field(default_factory=dict)

    def start(self, model: str, input: dict[str, Any]) -> dict[str, Any]:
        self.inputs.append((model, input))
        id = f"p{len(self.predictions)}"
        at = f"{self.url}/predictions/{id}"
        self.predictions[id] = {
            "id": id,
            "model": model,
            "input": input,
            "version": "a version",
            "created_at": _THEN,
            "status": "starting",
            "urls": {"get": at, "cancel": f"{at}/cancel"},
            "logs": f"asked by {TOKEN}",  # as a careless service might
        }
        return self.predictions[id]

    def poll(self, id: str) -> dict[str, Any]:
        prediction = self.predictions[id]
        self.appearances[id] = self.appearances.get(id, 0) + 1
        if self.appearances[id] < self.n_appearances:
            return prediction | {"status": "processing"}
        if "output" not in prediction:
            content = {key: self.content(value) for key, value in prediction["input"].items()}
            prediction |= {"status": self.status, "error": self.error}
            if self.status == "succeeded":
                prediction["output"] = self.addresses(self.models[prediction["model"]](content))
        return prediction

    def content(self, value: Any) -> Any:
        """The content of the file at an address."""
        return self.files.get(value.rsplit("/", 1)[-1], value) if isinstance(value, str) else value

    def addresses(self, output: Any) -> Any:
        if isinstance(output, bytes):
            self.files[name := f"f{len(self.files)}"] = output
            return f"{self.files_url}/{name}"
        if isinstance(output, dict):
            return {key: self.addresses(value) for key, value in output.items()}
        return [self.addresses(one) for one in output] if isinstance(output, list) else output


@contextmanager
def serving(fake: FakeReplicate) -> Iterator[FakeReplicate]:
    """Runs both servers on loopback."""
    api, files = (ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake, is_api=is_api)) for is_api in (True, False))
    fake.url = f"http://127.0.0.1:{api.server_port}/v1"
    fake.files_url = f"http://127.0.0.1:{files.server_port}"
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in (api, files)]
    for thread in threads:
        thread.start()
    yield fake
    for server, thread in zip((api, files), threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(fake: FakeReplicate, *, is_api: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            authorization = self.headers.get("Authorization")
            fake.seen.append((self.command, f"{'api' if is_api else 'files'}{self.path}", authorization))
            if fake.failures:
                self._send(fake.failures.pop(0), {"detail": f"no such token: {TOKEN}"})
            elif not is_api:
                self._file()
            elif authorization != f"Bearer {TOKEN}":
                self._send(
                    401, {"title": "Unauthenticated", "detail": f"You did not pass a valid token: {authorization}"}
                )
            elif self.command == "GET" and self.path.startswith("/v1/files/"):
                self._move(f"{fake.files_url}/{self.path.rsplit('/', 1)[-1]}")
            else:
                status, content = self._api(body)
                if self.path in fake.lost:
                    fake.lost.remove(self.path)
                    self.close_connection = True
                    return
                self._send(status, content)

        def _file(self) -> None:
            if fake.redirects and not self.path.startswith("/moved"):
                self._move(f"{fake.files_url}/moved{self.path}")
                return
            content = fake.files[self.path.rsplit("/", 1)[-1]]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _move(self, url: str) -> None:
            self.send_response(302)
            self.send_header("Location", url)
            self.end_headers()

        def _api(self, body: bytes) -> tuple[int, dict[str, Any]]:
            match self.path.removeprefix("/v1").strip("/").split("/"):
                case ["files"]:
                    header = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
                    (part,) = BytesParser().parsebytes(header + body).get_payload()
                    assert part.get_param("name", header="content-disposition") == "content"
                    fake.files[name := f"f{len(fake.files)}"] = part.get_payload(decode=True)
                    return 201, {
                        "id": name,
                        "name": part.get_filename(),
                        "content_type": part.get_content_type(),
                        "size": len(fake.files[name]),
                        "etag": name,
                        "checksums": {},
                        "metadata": {},
                        "created_at": _THEN,
                        "urls": {"get": f"{fake.url}/files/{name}"},
                    }
                case ["models", owner, name]:
                    return 200, {"latest_version": {"id": f"version of {owner}/{name}"}}
                case ["models", owner, name, "predictions"] if fake.official:
                    return 201, fake.start(f"{owner}/{name}", json.loads(body)["input"])
                case ["predictions"] if body:
                    asked = json.loads(body)
                    return 201, fake.start(asked["version"].removeprefix("version of "), asked["input"])
                case ["predictions", id]:
                    return 200, fake.poll(id)
                case ["predictions", id, "cancel"]:
                    fake.predictions[id]["status"] = "canceled"
                    return 200, fake.predictions[id]
            return 404, {"detail": "The requested resource could not be found."}

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler

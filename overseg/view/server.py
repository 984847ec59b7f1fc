"""The server of the page: its start and end, and the files of the page. `pages.py` has what the page asks for.

It starts before the store is read, so that the browser loads the page meanwhile.
"""

import asyncio
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.resources import files

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from overseg.errors import SettingsError
from overseg.view.access import OnlyThisPage

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_LOOPBACK = "127.0.0.1"
_WAITING = 64  # connections


class PageServer:
    """A server of the page.

    Attributes:
        url: the address to open; who has it may look and, unless the store is read-only, edit.
    """

    def __init__(self, *, port: int = 0) -> None:
        """
        Args:
            port: 0 for any that is free.

        Raises:
            SettingsError: the port is taken or not allowed.
        """
        self._socket = socket.socket(
            proto=socket.IPPROTO_TCP
        )  # asyncio sends at once only if it knows that this is TCP
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((_LOOPBACK, port))
            self._socket.listen(_WAITING)  # from here on a browser waits for the answer, and is not refused
        except OSError as e:
            self._socket.close()
            raise SettingsError(f"cannot listen on port {port}: {e.strerror}; choose another --port") from e
        port, token = self._socket.getsockname()[1], secrets.token_urlsafe(24)
        self.url = f"http://{_LOOPBACK}:{port}/{token}/"
        self._answers: Future[ASGIApp] = Future()
        guarded = OnlyThisPage(_page(self._answers), token=token, port=port)
        config = uvicorn.Config(guarded, http="h11", log_level="critical", access_log=False, lifespan="off", ws="none")
        self._server = uvicorn.Server(config)

    def answer_with(self, app: ASGIApp) -> None:
        """From now on answer what the page asks for below `/api/`; such requests have waited so far."""
        self._answers.set_result(app)

    @contextmanager
    def in_background(self) -> Iterator[str]:
        """Serve in a thread while the block runs; yields the address."""
        thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        thread.start()
        try:
            yield self.url
        finally:
            self._answers.cancel()
            self._server.should_exit = True
            thread.join()


def _page(answers: Future[ASGIApp]) -> Starlette:
    """The files of the page; what it asks for is answered by an application that is known later."""

    async def later(scope: Scope, receive: Receive, send: Send) -> None:
        app = await asyncio.shield(asyncio.wrap_future(answers))  # a browser that leaves does not cancel it
        await app({**scope, "root_path": ""}, receive, send)

    routes = [Mount("/api", later), Route("/", _static("index.html")), Route("/{name}", _file)]
    app = Starlette(routes=routes, exception_handlers={HTTPException: wrong})
    app.router.redirect_slashes = False
    return app


def wrong(request: Request, error: Exception) -> Response:
    """Return the answer to a request that asks for something wrong."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


def _static(name: str) -> Callable[[Request], Awaitable[Response]]:
    suffix = name.rpartition(".")[2]
    content = files("overseg.view").joinpath("page", name).read_bytes()

    async def answered(request: Request) -> Response:  # without a thread, as a page asks for many at once
        return Response(content, media_type=_TYPES[suffix], headers={"cache-control": "no-store"})

    return answered


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    known = {one.name for one in files("overseg.view").joinpath("page").iterdir()}
    if name not in known or name.rpartition(".")[2] not in _TYPES:
        raise HTTPException(404, "there is no such file")
    return await _static(name)(request)

"""A local web page on which a user clicks on the objects to track."""

import json
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from overseg.annotations.checked_numbers import number, shown
from overseg.data.track_names import check_name
from overseg.errors import InputError
from overseg.prompts.objects import Pointed, gather

_MOST_BYTES = 1 << 20


def ask_for_points(
    rgb: UInt8[np.ndarray, "h w 3"], input_size: tuple[int, int], *, show_url: Callable[[str], None]
) -> list[Pointed]:
    """Serve the page and return the points that the user clicks, at least one on each named object.

    The page is served on the loopback interface only, under a random address, until the user submits it.

    Args:
        rgb: the frame.
        input_size: (height, width) of the input's pictures; points are returned in their pixels.
        show_url: called with the page's address.
    """
    page = _ClickPage(rgb, input_size)
    with HTTPServer(("127.0.0.1", 0), page.handler()) as server:
        show_url(f"http://127.0.0.1:{server.server_port}/{page.secret}/")
        while page.points is None:
            server.handle_request()
    return page.points


class _ClickPage:
    """The page for one frame, and the submitted points; None before."""

    def __init__(self, rgb: UInt8[np.ndarray, "h w 3"], input_size: tuple[int, int]) -> None:
        self.secret = secrets.token_urlsafe(16)
        self.points: list[Pointed] | None = None
        self._size, self._input_size = (rgb.shape[0], rgb.shape[1]), input_size
        self._png = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))[1].tobytes()

    def get(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Answer a GET request: status, type and content."""
        if path == f"/{self.secret}/":
            html = (files("overseg.prompts") / "click_page.html").read_bytes()
            return HTTPStatus.OK, "text/html; charset=utf-8", html
        if path == f"/{self.secret}/frame.png":
            return HTTPStatus.OK, "image/png", self._png
        return HTTPStatus.NOT_FOUND, "text/plain", b"there is nothing here"

    def post(self, path: str, content: bytes) -> tuple[HTTPStatus, str, bytes]:
        """Answer a POST request with points; invalid ones are refused with the reason."""
        if path != f"/{self.secret}/points":
            return HTTPStatus.NOT_FOUND, "text/plain", b"there is nothing here"
        try:
            points = self._read(content)
            gather(points, input_size=self._input_size, size=self._size, frame=0)
        except InputError as e:
            return HTTPStatus.BAD_REQUEST, "text/plain; charset=utf-8", str(e).encode()
        self.points = points
        return HTTPStatus.OK, "text/plain", b"thank you: this page can be closed"

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """The class that answers requests for this page."""
        page = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10  # seconds after which a silent client is dropped

            def do_GET(self) -> None:
                self._answer(*page.get(self.path))

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "")
                if not length.isdecimal() or int(length) > _MOST_BYTES:
                    self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", b"too much, or no length")
                    return
                self._answer(*page.post(self.path, self.rfile.read(int(length))))

            def log_message(self, format: str, *args: Any) -> None:
                """Requests are not logged."""

            def _answer(self, status: HTTPStatus, kind: str, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(content)

        return Handler

    def _read(self, content: bytes) -> list[Pointed]:
        try:
            points = json.loads(content)
        except (ValueError, RecursionError) as e:
            raise InputError(f"expected points as JSON, got something else ({e})") from e
        if not isinstance(points, list) or not points:
            raise InputError(f"expected a list of points, got {shown(points)}")
        return [self._pointed(point, f"points[{at}]") for at, point in enumerate(points)]

    def _pointed(self, point: Any, place: str) -> Pointed:
        if not isinstance(point, dict):
            raise InputError(f"{place}: expected name, x, y and label, got {shown(point)}")
        name = check_name(point.get("name"), place=f"{place}.name")
        scale_y, scale_x = (px / frame_px for px, frame_px in zip(self._input_size, self._size, strict=True))
        x, y, label = (number(point.get(column), f"{place}.{column}") for column in ("x", "y", "label"))
        return Pointed(name, place, points=((x * scale_x, y * scale_y, int(label) if label in (0, 1) else -1),))

"""The page to click on, as a browser uses it."""

import http.client
import json
import threading
import urllib.error
import urllib.request
from queue import Queue
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from overseg.prompts.click_page import ask_for_points

SIZE = (40, 60)
POINTS = [{"name": "cup", "x": 10, "y": 20, "label": 1}, {"name": "cup", "x": 30.5, "y": 39, "label": 0}]


class Asked:
    """A page that is waiting for an answer, in a thread of its own."""

    def __init__(self) -> None:
        self.rgb = np.random.default_rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
        urls: Queue[str] = Queue()
        self.answer: list = []
        self.thread = threading.Thread(
            target=lambda: self.answer.extend(ask_for_points(self.rgb, (80, 120), show_url=urls.put)), daemon=True
        )
        self.thread.start()
        self.url = urls.get(timeout=30)

    def get(self, path: str = "") -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=30) as response:
            return response.read()

    def post(self, content: object, path: str = "points") -> str:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        with urllib.request.urlopen(self.url + path, data=data, timeout=30) as response:
            return response.read().decode()

    def refused(self, content: object, path: str = "points") -> tuple[int, str]:
        with pytest.raises(urllib.error.HTTPError) as error:
            self.post(content, path)
        with error.value as response:
            return response.code, response.read().decode()


@pytest.fixture
def asked():
    page = Asked()
    yield page
    if page.thread.is_alive():
        page.post(POINTS)
    page.thread.join(timeout=30)
    assert not page.thread.is_alive()


def test_the_page_shows_the_frame_and_sends_points_in_the_input_s_pixels(asked):
    assert b"<canvas" in asked.get()
    frame = cv2.imdecode(np.frombuffer(asked.get("frame.png"), np.uint8), cv2.IMREAD_COLOR)
    assert (frame[..., ::-1] == asked.rgb).all()
    assert asked.post(POINTS) == "thank you: this page can be closed"
    asked.thread.join(timeout=30)
    assert [(one.name, one.points) for one in asked.answer] == [
        ("cup", ((20, 40, 1),)),
        ("cup", ((61, 78, 0),)),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "expected points as JSON"),
        ([], "expected a list of points, got []"),
        ([3], "points[0]: expected name, x, y and label, got 3"),
        ([{**POINTS[0], "name": ""}], "points[0].name: expected a name"),
        ([{**POINTS[0], "x": "far"}], "points[0].x: expected a number, got 'far'"),
        ([{**POINTS[0], "x": 60}], "points[0]: expected a point inside the picture"),
        ([{**POINTS[0], "label": 2}], "points[0]: expected the label 1 (on the object) or 0"),
        ([POINTS[1]], "points[0]: expected a box, or a point with the label 1, for the object 'cup'"),
    ],
)
def test_invalid_points_are_refused_and_the_page_stays_open(asked, content, message):
    code, line = asked.refused(content)
    assert code == 400
    assert message in line
    assert asked.thread.is_alive()


def test_nothing_else_is_served_and_nothing_to_those_who_do_not_know_the_address(asked):
    host = asked.url.rsplit("/", 2)[0]
    assert host.startswith("http://127.0.0.1:")
    for url in (f"{host}/", f"{host}/frame.png", f"{asked.url}../../etc/passwd", f"{asked.url}click_page.html"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(url, timeout=30)
        error.value.close()
        assert error.value.code == 404
    assert asked.refused(POINTS, "others")[0] == 404
    address = urlsplit(asked.url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=30)
    connection.putrequest("POST", f"{address.path}points")
    connection.putheader("Content-Length", str((1 << 20) + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()

"""The server answers only its own page, checks what it is asked, and shows what the store holds."""

import base64
import http.client
import json
import random
from collections import Counter
from contextlib import contextmanager
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from view.hostile import Target, ask_hostile

import overseg
from overseg.edits.coding import checked_counts
from overseg.view.opening import open_pages
from overseg.view.server import PageServer


class NoReport:
    def progress(self, stage, done, total):
        pass

    def event(self, name, **facts):
        pass


@contextmanager
def asking(store, **options):
    """A function that makes a request and returns (status, body)."""
    server = PageServer()
    with open_pages(store, report=NoReport(), **options) as app, server.in_background() as url:
        server.answer_with(app)
        parts = urlsplit(url)

        def ask(path, body=None, *, headers=None, method=None, prefix=parts.path):
            connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=60)
            try:
                connection.request(method or ("GET" if body is None else "POST"), prefix + path, body, headers or {})
                answer = connection.getresponse()
                return answer.status, answer.read()
            finally:
                connection.close()

        ask.port, ask.token = parts.port, parts.path.strip("/")
        yield ask


def test_only_the_page_itself_may_ask(store):
    with asking(store) as ask:
        own = f"http://127.0.0.1:{ask.port}"
        assert ask("api/facts")[0] == 200
        assert ask("api/facts", headers={"Origin": own})[0] == 200
        assert ask("api/facts", headers={"Origin": "http://evil.example"})[0] == 403
        assert ask("api/facts", headers={"Origin": "null"})[0] == 403
        assert ask("api/facts", headers={"Host": "evil.example"})[0] == 421
        assert ask("api/facts", prefix="/")[0] == 403
        assert ask("api/facts", prefix="/wrong/")[0] == 403
        assert ask("api/state", b"{}", headers={"Sec-Fetch-Site": "cross-site"})[0] == 403
        assert ask("api/edit", b"{}", headers={"Content-Length": str(1 << 40)})[0] == 413
        assert ask("", method="DELETE")[0] == 405
        assert ask("../server.py")[0] == 404 and ask("%2e%2e/server.py")[0] == 404


def test_the_masks_of_a_frame_come_as_they_are_stored(store):
    result = overseg.open(store)
    with asking(store) as ask:
        _, message = ask("api/masks/3")
    masks, n = result.masks_at(3), int(np.frombuffer(message, "<u4", 1)[0])
    assert n == len(masks)
    assert np.frombuffer(message, "<i4", n, 4).tolist() == masks.track.tolist()
    assert np.frombuffer(message, "<i4", n, 4 + 4 * n).tolist() == masks.rles.area_px().tolist()
    ends = np.frombuffer(message, "<u4", n, 4 + 4 * n * 8).tolist()
    strings = message[-ends[-1] :]
    assert tuple(strings[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)) == masks.rles.counts


def test_edits_need_the_seat_and_are_kept(store):
    with asking(store) as ask:
        edit = {"do": "drop", "tracks": [0]}
        assert ask("api/edit", json.dumps(edit).encode())[0] == 409
        seat = json.loads(ask("api/state", b"{}")[1])["seat"]
        assert seat and json.loads(ask("api/state", b"{}")[1])["seat"] == ""
        status, answer = ask("api/edit", json.dumps(edit | {"seat": seat, "shows": 3}).encode())
        assert status == 200 and json.loads(answer)["log"]["done"] == [[1, "drop 0"]]
        assert base64.b64decode(json.loads(answer)["masks"]) == ask("api/masks/3")[1]
        assert ask("api/edit", json.dumps(edit | {"seat": seat}).encode())[0] == 422
    assert not overseg.open(store).tracks.exists[0]


def test_what_edits_changed_is_told_since_any_state(store):
    with asking(store) as ask:
        seat = json.loads(ask("api/state", b"{}")[1])["seat"]
        first = json.loads(ask("api/tracks")[1])
        for edit in ({"do": "merge", "tracks": [0, 1]}, {"do": "name", "tracks": [2], "name": "cup", "category": ""}):
            answer = json.loads(ask("api/edit", json.dumps(edit | {"seat": seat}).encode())[1])
        assert answer["revision"] == 2 and answer["names"] == {"2": ["cup", "cup"]} and answer["colours"] is None
        changes, unknown = (json.loads(ask(f"api/changes?since={since}")[1]) for since in (0, 99))
        now = json.loads(ask("api/tracks")[1])
    assert changes["revision"] == now["revision"] == 2 and changes["masked"] == [0, 1] and unknown["masked"] is None
    assert 1 in changes["rows"]["track"] and unknown["rows"]["track"] == list(range(changes["n"]))
    for told in (changes, unknown):
        rows = told["rows"].pop("track")
        for name, values in told["rows"].items():
            known = first[name].copy()
            for track, value in zip(rows, values, strict=True):
                known[track] = value
            assert known == now[name]


def test_pictures_are_shrunk_to_the_width_that_is_asked_for(store):
    height, width = overseg.open(store).size
    with asking(store) as ask:
        for asked, got in (("", width), (f"&width={width}", width), ("&width=40", 40), ("&width=0", 1)):
            picture = cv2.imdecode(np.frombuffer(ask(f"api/picture/0?store=0{asked}")[1], np.uint8), cv2.IMREAD_COLOR)
            assert picture.shape[:2] == (max(1, round(height * got / width)), got)
        assert ask(f"api/picture/0?width={width + 1}")[0] == 400


def test_python_opens_the_page_beside_its_own_work_and_closes_it(store):
    with overseg.open(store).view() as window:
        assert window.url in window._repr_html_()
        with pytest.raises(overseg.OversegError, match="another process edits"):
            overseg.open(store).edit()
    overseg.open(store).edit().close()


def test_a_read_only_page_cannot_edit(store):
    with asking(store, read_only=True) as ask:
        assert json.loads(ask("api/state", b'{"take": true}')[1])["seat"] == ""
        assert ask("api/edit", b'{"do": "drop", "tracks": [0], "seat": ""}')[0] == 409


def test_places_to_look_at_are_found_and_ordered(store):
    with asking(store) as ask:
        places = json.loads(ask("api/suspects")[1])
    scores = [place["score"] for place in places]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= place["frame"] < len(overseg.open(store)) for place in places)


def test_hostile_requests_change_nothing_and_raise_nothing(store, capfd):
    answers = ask_a_store(store, 240, seed=0)
    assert not capfd.readouterr().err
    assert {status for kind, status in answers if kind == "origins"} <= {"400", "403", "421"}


def ask_a_store(store, n, seed):
    """Make hostile requests of a store, and count the answers; the full number is in benchmarks/view.py."""
    before = contents(store)
    answers: Counter[tuple[str, str]] = Counter()
    rng = random.Random(seed)
    with asking(store) as ask:
        for start in range(0, n, 120):  # a window that is not heard of for a while loses its seat
            seat = json.loads(ask("api/state", b'{"take": true}')[1])["seat"]
            answers += ask_hostile(Target(ask.port, ask.token, seat), min(120, n - start), rng)
        assert not any(status.startswith("5") for _, status in answers), answers
        assert ask("api/facts")[0] == 200
    assert contents(store) == before
    return answers


def contents(folder):
    """The files of a folder, but for locks."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "lock" not in path.name)
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]


@pytest.mark.parametrize("counts", [b"", b"0", b"o", b"zz", b"PPPPPPPPPPPPPP0", b"\xff", b"04o"])
def test_run_lengths_of_another_picture_are_refused(counts):
    with pytest.raises(ValueError, match="run lengths"):
        checked_counts(counts, (5, 7))

"""Weights on the hub, with a hub on loopback: names, gates, offline mode, and a token that is shown nowhere."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from toy_runs import SilentReport

from overseg.api.track_choice import choose_tracking
from overseg.cli.main import main
from overseg.errors import WeightsError
from overseg.presets import choose
from overseg.weights import fetch_from_hub, hub_catalogue, hub_folder, weights_path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_secretsecretsecret"
FILES = {"config.json": b'{"model_type": "edgetam_video"}', "model.safetensors": b"weights", "notes.md": b"no"}
EDGETAM, SAM3 = hub_catalogue()["edgetam"], hub_catalogue()["sam3"]


class Hub(BaseHTTPRequestHandler):
    """Serves one open repository, and one whose owner asks for an agreement."""

    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if SAM3.repo in self.path:
            self._answer(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        elif self.path.startswith(f"/api/models/{EDGETAM.repo}/revision/"):
            listed = [{"rfilename": name} for name in FILES]
            self._answer(200, json.dumps({"id": EDGETAM.repo, "sha": COMMIT, "siblings": listed}).encode())
        elif self.path.startswith(f"/api/models/{EDGETAM.repo}/tree/"):
            tree = [{"type": "file", "path": name, "size": len(FILES[name]), "oid": name} for name in FILES]
            self._answer(200, json.dumps(tree).encode())
        elif (name := self.path.rpartition("/")[2]) in FILES:
            self._answer(200, FILES[name], {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT})
        else:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("OVERSEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The addresses that were asked of a hub on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    Hub.asked.clear()
    yield Hub.asked
    server.shutdown()
    server.server_close()


def lines_of(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["weights", *words])
    return code, *capsys.readouterr()


def test_fetched_once_into_the_hub_s_own_cache(hub, tmp_path, capsys):
    code, out, _ = lines_of(capsys, "fetch", "edgetam")
    assert code == 0
    folder = Path(out.strip().splitlines()[-1])
    assert folder.is_relative_to(tmp_path / "hf" / "hub") and folder.name == COMMIT
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}
    assert weights_path("edgetam") == folder
    n_asked = len(hub)
    assert fetch_from_hub(EDGETAM) == folder
    assert len(hub) == n_asked > 0


def test_a_gate_says_where_to_agree_and_how_to_log_in(hub, capsys):
    code, _, err = lines_of(capsys, "fetch", "sam3")
    assert code == 1
    assert "its owner asks for an agreement; agree to its licence at https://huggingface.co/facebook/sam3" in err
    assert "`hf auth login` or set HF_TOKEN" in err
    assert len(err.strip().splitlines()) == 1


def test_a_token_is_shown_nowhere(hub, tmp_path, capsys, caplog):
    with caplog.at_level(logging.DEBUG):
        shown = [*lines_of(capsys, "fetch", "edgetam"), *lines_of(capsys, "fetch", "sam3"), *lines_of(capsys, "list")]
    assert hub
    assert TOKEN not in "".join(map(str, shown)) + caplog.text
    assert not any(TOKEN.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_hub_that_cannot_be_reached(monkeypatch, capsys):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    code, _, err = lines_of(capsys, "fetch", "edgetam")
    assert code == 1
    assert "cannot fetch weights edgetam: http://127.0.0.1:9 cannot be reached, or broke off" in err
    assert len(err.strip().splitlines()) == 1


def test_offline_mode_asks_nobody(hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set: unset it, or copy the cache"):
        fetch_from_hub(EDGETAM)
    assert hub == []


def test_the_list_says_what_is_known_of_them(capsys):
    _, out, _ = lines_of(capsys, "list")
    (line,) = [line for line in out.splitlines() if line.startswith("sam3 ")]
    assert "SAM-License" in line and "https://huggingface.co/facebook/sam3 (main, asks for an agreement)" in line
    assert hub_folder(SAM3) is None


def test_without_weights_the_command_that_fetches_them():
    with pytest.raises(WeightsError, match="run `overseg weights fetch sam3`; agree to its licence at https"):
        weights_path("sam3")


@pytest.mark.parametrize(
    ("choose_for", "costs"),
    [
        (lambda: choose(None, "cpu", {}, report=SilentReport()), "a mask takes it about 1.7 s of a core on each frame"),
        (
            lambda: choose_tracking("cpu", {}, masks_alone=False, report=SilentReport()),
            "a frame with one object takes it about 2.9 s of a core",
        ),
    ],
    ids=["run", "track"],
)
def test_where_edgetam_is_here_a_cpu_says_why_flow_was_chosen(choose_for, costs, tmp_path):
    assert "edgetam" not in choose_for().line
    place = tmp_path / "hf" / "hub" / f"models--{EDGETAM.repo.replace('/', '--')}"
    folder = place / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes(FILES[name])
    line = choose_for().line
    assert "flow was chosen" not in choose(None, "cpu", {"propagator": "edgetam"}, report=SilentReport()).line
    assert "flow was chosen over edgetam, whose weights are here" in line
    assert costs in line


@pytest.mark.parametrize(
    ("preset", "changes", "expected"),
    [
        ("fast", {"generator": "sam2-hf"}, ("sam2.1_hiera_large_hf", None)),
        ("fast", {"generator": "sam3", "weights": "mine"}, ("mine", None)),
        ("full", {"propagator": "edgetam"}, ("vit_h", "edgetam")),
        ("full", {}, ("vit_h", "sam2.1_hiera_large")),
    ],
)
def test_another_model_than_the_preset_s_has_weights_of_its_own(preset, changes, expected):
    settings = choose(preset, "cpu", changes, report=SilentReport()).settings
    assert (settings.weights, settings.propagator_weights) == expected

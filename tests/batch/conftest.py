"""A folder of small videos, two of them damaged, and what a single run makes of each."""

from pathlib import Path

import pytest
from cli.cli_samples import picture, write_folder
from PIL import Image

import overseg
from overseg.batch.board import SPANS

SETTINGS = {"preset": "no-weights", "device": "cpu", "step": 2, "stretch": 3}
DAMAGED = ("cut", "torn")
N_FRAMES = {"a": 5, "b": 9, "c": 7, "z": 26}
LONG = "z"  # two shots of two stretches each


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    """Four folders of pictures, the last with a cut; a file that is no video; a folder with a picture that is none."""
    folder = tmp_path_factory.mktemp("clips")
    for name, n in N_FRAMES.items():
        write_folder(folder / name, n)
    for number in range(13, 26):
        Image.fromarray(255 - picture(number)).save(folder / LONG / f"{number + 1}.png")
    (folder / f"{DAMAGED[0]}.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(99))
    (write_folder(folder / DAMAGED[1], 2) / "2.png").write_bytes(b"\x89PNG\r\n")
    return folder


@pytest.fixture(scope="session")
def single_hashes(clips, tmp_path_factory) -> dict[str, str]:
    """The content hash of each video's result, from a run by itself."""
    out, report = tmp_path_factory.mktemp("single"), Silent()
    hashes = {
        name: overseg.run(clips / name, out / f"{name}.zarr", **SETTINGS, report=report).content_hash()
        for name in N_FRAMES
    }
    assert report.stages == {"shots", "frames", "tracks"} <= set(SPANS), "a batch shows the progress of all stages"
    return hashes


class Silent:
    def __init__(self) -> None:
        self.stages: set[str] = set()

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        self.stages.add(stage)

    def event(self, name: str, **facts: str | int | float | None) -> None:
        pass


def hashes_in(out: Path) -> dict[str, str]:
    return {name: overseg.open(f"{out}/{name}.zarr").content_hash() for name in N_FRAMES}

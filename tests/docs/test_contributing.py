"""The worked example of CONTRIBUTING.md: the propagator passes its tests, and one line makes it an option."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from cli.cli_samples import write_folder

import overseg
from overseg.adapters import PROPAGATORS, PropagatorAdapter
from overseg.cli.main import main

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
FILES = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL))
DRIFT = ModuleType("overseg.propagate.drift")
exec(FILES["overseg/propagate/drift.py"], DRIFT.__dict__)
sys.modules[DRIFT.__name__] = DRIFT
exec(FILES["tests/propagate/test_drift.py"], globals())  # its tests are collected here


def test_one_line_makes_it_an_option(tmp_path, monkeypatch):
    (line,) = re.findall(r'^    "drift": (PropagatorAdapter\(.*\)),$', PAGE, flags=re.MULTILINE)
    monkeypatch.setitem(PROPAGATORS, "drift", eval(line, {"PropagatorAdapter": PropagatorAdapter}))
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "images", 6)
    words = ["run", "images", "out.zarr", "--generator", "hierarchy", "--propagator", "drift", "--device", "cpu"]
    assert main(words) == 0
    assert all(len(overseg.open("out.zarr").masks_at(frame)) for frame in range(6))


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)|`((?:overseg|tests|docs)/[\w/]+\.\w+)`", PAGE))
def test_the_files_that_it_names_exist(path):
    (name,) = filter(None, path)
    assert name in FILES or (Path(__file__).parents[2] / name).exists()

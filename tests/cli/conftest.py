"""The command line, called within the test's own process and folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.cli_samples import NO_WEIGHTS, write_folder

from overseg.cli.main import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Where the test's relative paths are."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def images(folder) -> str:
    """A folder of three small pictures."""
    return write_folder(folder / "images", 3).name


@pytest.fixture
def run() -> Callable[..., int]:
    """`overseg run INPUT OUT ...` without weights and without remarks."""
    return lambda *words: main(["run", *map(str, words), *NO_WEIGHTS])


@pytest.fixture
def facts(capsys) -> Callable[..., dict[str, Any]]:
    """What `overseg info OUT --json --hash` says."""

    def read(store: str | Path) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["info", str(store), "--json", "--hash"]) == 0
        return json.loads(capsys.readouterr().out)

    return read


@pytest.fixture
def refused(capsys) -> Callable[..., str]:
    """Runs a command that must be refused with one line; returns the line without `overseg: `."""

    def read(*words: str | Path, code: int = 1) -> str:
        capsys.readouterr()
        assert main([*map(str, words)]) == code
        out, err = capsys.readouterr()
        assert out == ""
        return one_line(err)

    return read


def one_line(err: str) -> str:
    """The error of a command, which is one line in the house's form."""
    assert err.count("\n") == 1, err
    line = err.removeprefix("overseg: ").rstrip("\n")
    assert err == f"overseg: {line}\n"
    assert not line[0].isupper() or line.split()[0].isupper(), line
    assert not line.endswith("."), line
    return line

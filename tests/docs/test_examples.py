"""Every example of the docs: commands can be read, Python runs, and doctests give what they say."""

import argparse
import doctest
import re
import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from cli.cli_samples import picture

import overseg
from overseg.api import run as run_module
from overseg.api import track as track_module
from overseg.cli.commands import COMMANDS
from overseg.cli.main import _parsed
from overseg.output.video_writer import VideoWriter

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_PYTHON = [page for page in PAGES if "```python" in page.read_text()]
PLACEHOLDERS = {"COMMAND", "…", "..."}
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "overseg").rglob("*.py")
    if re.search(r"^\s*>>> ", path.read_text(), re.M)
)


def commands_of(page: Path) -> list[str]:
    """The command lines of a page: indented, in fences, and in code within text."""
    text = page.read_text()
    lines = re.findall(r"^(?: {4}|```sh\n)(overseg .*)$", text, re.M)
    spans = [
        line for line in re.findall(r"`(overseg [a-z-]+ [^`]*)`", text) if not line.startswith("overseg weights list")
    ]
    found = [re.sub(r"\s+#.*", "", line).replace("\\|", "|") for line in (*lines, *spans)]
    return [line for line in found if not PLACEHOLDERS & set(shlex.split(line))]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_three_examples_that_it_understands(command):
    assert len(command.examples) == 3
    for line in command.examples:
        words = shlex.split(line.partition(" && ")[0])
        assert words[:2] == ["overseg", command.name]
        _parsed(words[1:])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_help_of_every_command_groups_its_options(command):
    commands = argparse.ArgumentParser().add_subparsers()
    import_module(f"overseg.cli.{command.module}").add_parser(commands)
    groups = [group for group in commands.choices[command.name]._action_groups if group._group_actions]
    headings = [group.title for group in groups]
    assert all(headings) and len(set(headings)) == len(headings)
    assert max(len(group._group_actions) for group in groups if group.title == "options") <= 15


def test_the_docs_name_commands_that_there_are():
    lines = [(page.name, line) for page in PAGES for line in commands_of(page)]
    assert len(lines) > 60
    for page, line in lines:
        words = shlex.split(line)[1:]
        is_whole = len([word for word in words if not word.startswith("-")]) > 2 or words[0] in (
            "info",
            "check",
            "eval",
        )
        try:
            _parsed(words)
        except overseg.OversegError as e:
            assert not is_whole or "required" in str(e), (page, line, str(e))


def test_the_python_reference_has_every_name():
    page = (ROOT / "docs" / "python.md").read_text()
    missing = [name for name in overseg.__all__ if not re.search(rf"^::: overseg\.[\w.]+\.{name}$", page, re.M)]
    assert set(missing) <= {"associate_masks", "OversegError"}  # an old name; and the errors are described as a module


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """A folder with the videos that the pages name, and masks without weights."""
    monkeypatch.chdir(tmp_path)
    for name in ("my.mp4", "cup.mp4"):
        with VideoWriter(name, fps=25, size=(48, 64)) as writer:
            for number in range(42):
                writer.write(np.ascontiguousarray(picture(number // 3)))
    given = {"preset": "no-weights", "device": "cpu"}
    monkeypatch.setattr(overseg, "run", lambda *paths, **options: run_module.run(*paths, **given | options))
    flow = {"propagator": "flow", "device": "cpu", "step": 20}
    monkeypatch.setattr(overseg, "track", lambda *paths, **options: track_module.track(*paths, **flow | options))


@pytest.mark.real_weights
@pytest.mark.parametrize(
    "page", [page for page in PAGES if "```python" in page.read_text()], ids=lambda page: page.name
)
def test_the_python_of_a_page_runs(page, clips, coarse_minisam):
    for code in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S):
        exec(code, {})


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    module = import_module(name)
    assert doctest.testmod(module, extraglobs={"overseg": overseg}).failed == 0

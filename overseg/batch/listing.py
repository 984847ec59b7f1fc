"""From what a user gives to the videos of a batch: files, folders, patterns and lists."""

import glob
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from natsort import os_sorted

from overseg.api.inputs import find_inputs
from overseg.batch.lists import LIST_SUFFIXES, read_list
from overseg.batch.naming import named_apart
from overseg.batch.tasks import Task, absolute
from overseg.errors import InputError, nothing_at

UNNAMED = ""


def list_tasks(inputs: Sequence[str | Path], *, known: Iterable[Task], remark: Callable[[str], None]) -> list[Task]:
    """The videos that `inputs` name, each once and with a name that no other has.

    Args:
        inputs: video files, folders of images, folders that have such in them, patterns such as `clips/*.mp4`, and
            lists, see `read_list`.
        known: videos of earlier batches into the same folder, which keep their names.
        remark: is told about what is left out.

    Raises:
        InputError: there is nothing of this name, or nothing in it that could be a video.
        SettingsError: two videos are given one name.
    """
    found = [task for one in inputs for task in _tasks_of(str(one), remark)]
    return named_apart(list(dict.fromkeys(found)), known)


def _tasks_of(given: str, remark: Callable[[str], None]) -> list[Task]:
    path = Path(given).expanduser()
    if path.suffix.lower() in LIST_SUFFIXES and path.is_file():
        return [
            replace(found, start=task.start, end=task.end, prompts=task.prompts, name=task.name)
            for task in read_list(path)
            for found in _tasks_like(task.input, remark)
        ]
    if not path.exists() and not glob.has_magic(given):
        raise InputError(f"{nothing_at(path)}: give videos, folders, patterns or lists")
    return _tasks_like(str(path), remark)


def _tasks_like(given: str, remark: Callable[[str], None]) -> list[Task]:
    """The videos at a path, or at all paths that are like a pattern."""
    path = Path(given)
    if path.exists() or not glob.has_magic(given):
        return _tasks_at(path, remark)
    matching = os_sorted(glob.glob(given, recursive=True))
    if not matching and given.count("[") and not any(sign in given for sign in "*?"):
        return _tasks_at(path, remark)  # a file that has brackets in its name, and is not there
    if not matching:
        raise InputError(f"no file or folder is like {given}: check the pattern")
    return [task for one in matching for task in _tasks_at(Path(one), remark)]


def _tasks_at(path: Path, remark: Callable[[str], None]) -> list[Task]:
    """The videos at a path. One in a list that does not exist is a video, too, and fails when its turn comes."""
    if not path.is_dir():
        return [Task(UNNAMED, absolute(path))]
    found = find_inputs(path, remark=remark)
    if not found:
        raise InputError(f"expected videos or images in the folder {path}, found none; check the path")
    return [Task(UNNAMED, absolute(one)) for one in found]

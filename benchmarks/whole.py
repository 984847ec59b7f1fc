"""Compares whole runs of this version and of another checkout: time, memory and quality on the same clips.

    python benchmarks/whole.py FRAMES [FRAMES ...] --against CHECKOUT [--turns N] [--json] [overseg run's options]

FRAMES is a video, a folder of images, or a folder with frames/ and masks/ in it; masks/ is what `overseg eval --gt`
takes. For each clip the other version runs first and this one right after it, N times in turns, because machines are
shared and their speed changes. Each is `overseg run` in a process of its own; the time is that of the whole command.
Prints the medians of wall and CPU seconds, the highest peak memory, masks, and what this version's `overseg eval`
finds in both stores; then this version's share of the other one's time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import overseg
from overseg.cli.info import summary

HERE = Path(__file__).resolve().parent.parent
QUALITY = ("best_track_j", "coverage", "mean_length", "linked", "union_j", "switches", "ar_at_100")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="FRAMES")
    parser.add_argument("--against", type=Path, required=True, metavar="CHECKOUT", help="folder of the other version")
    parser.add_argument("--turns", type=int, default=1, help="runs of each version on each clip")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args, options = parser.parse_known_args()
    if not (args.against / "overseg").is_dir():
        parser.error(f"expected a checkout of overseg, got {args.against}")
    found = {}
    for clip in args.clips:
        found[_name(clip)] = compared(clip, args.against.resolve(), args.turns, options)
        if not args.json:
            print(_table(_name(clip), found[_name(clip)]), flush=True)
    if args.json:
        print(json.dumps(found))


def compared(clip: Path, against: Path, turns: int, options: list[str]) -> dict[str, dict[str, Any]]:
    """The figures of both versions on a clip, and the ratios of their times."""
    truth = clip / "masks" if (clip / "masks").is_dir() else None
    frames = clip / "frames" if (clip / "frames").is_dir() else clip
    versions = {"other": against, "this": HERE}
    times: dict[str, list[dict[str, float]]] = {name: [] for name in versions}
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(turns):
            for name, checkout in versions.items():
                store = Path(folder) / f"{name}{turn}.zarr"
                times[name].append(timed(checkout, ["run", str(frames), str(store), *options]))
                if turn == 0:
                    found[name] = quality(store, truth)
    for name, turns_of in times.items():
        found[name] |= {key: float(np.median([one[key] for one in turns_of])) for key in ("wall_s", "cpu_s")}
        found[name]["peak_mib"] = max(one["peak_mib"] for one in turns_of)
    found["ratio"] = {key: found["this"][key] / found["other"][key] for key in ("wall_s", "cpu_s", "peak_mib")}
    return found


def timed(checkout: Path, arguments: list[str]) -> dict[str, float]:
    """Run a command of a checkout, and return what the operating system says about the process."""
    command = [sys.executable, "-P", "-m", "overseg", *arguments, "--quiet"]  # -P: not the one of the current folder
    began = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(checkout)})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{checkout} failed: overseg {' '.join(arguments)}")
    return {
        "wall_s": time.perf_counter() - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }


def quality(store: Path, truth: Path | None) -> dict[str, Any]:
    """What a store holds, and what `overseg eval` finds in it."""
    result = overseg.open(store)
    facts = summary(result) | {"work": result.summary.get("work", float("nan"))}
    command = [sys.executable, "-m", "overseg", "eval", str(store), "--json", "--quiet"]
    command += ["--gt", str(truth)] if truth else []
    report = json.loads(subprocess.check_output(command, env=os.environ | {"PYTHONPATH": str(HERE)}))
    measures = report["means"] | report.get("ground_truth", {}).get("means", {})
    return {name: facts[name] for name in ("masks", "tracks", "keyframes", "work")} | {
        name: measures[name] for name in QUALITY if name in measures
    }


def _name(clip: Path) -> str:
    return clip.parent.name if clip.name == "frames" else clip.name


def _table(clip: str, found: dict[str, dict[str, Any]]) -> str:
    lines = [f"{clip:20} wall s   CPU s  peak MiB  masks  tracks  best J  coverage  length  linked"]
    for version in ("other", "this"):
        one = found[version]
        times = f"{one['wall_s']:7.1f} {one['cpu_s']:7.1f} {one['peak_mib']:9.0f}"
        best_j, coverage, length, linked = (one.get(name, float("nan")) for name in QUALITY[:4])
        measures = f"{best_j:7.3f} {coverage:9.3f} {length:7.2f} {linked:7.3f}"
        lines.append(f"  {version:18} {times} {one['masks']:6} {one['tracks']:7} {measures}")
    ratio = found["ratio"]
    lines.append(f"  {'this / other':18} {ratio['wall_s']:7.3f} {ratio['cpu_s']:7.3f} {ratio['peak_mib']:9.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""CPU time until overseg is there: `python benchmarks/start.py VIDEO`.

Runs each command five times in a process of its own, and prints the shortest times. For a run it prints the time until
the first line, and stops it there.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TIMES = 5
PYTHON = sys.executable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", help="a video file or a folder of images")
    video = parser.parse_args().video
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "out.zarr")
        made = [PYTHON, "-m", "overseg", "run", video, store, "--preset", "no-weights", "--end", "3", "--quiet"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        print("| what | CPU s | wall s |\n|---|---|---|")
        for name, command in {
            "`python -c pass`": [PYTHON, "-c", "pass"],
            "`import overseg`": [PYTHON, "-c", "import overseg"],
            "`overseg --help`": [PYTHON, "-m", "overseg", "--help"],
            "`overseg info`": [PYTHON, "-m", "overseg", "info", store],
        }.items():
            times = [_ended(command) for _ in range(TIMES)]
            print(f"| {name} | {min(cpu for cpu, _ in times):.2f} | {min(wall for _, wall in times):.2f} |")
        run = [PYTHON, "-m", "overseg", "run", video, Path(folder, "new.zarr"), "--device", "cpu"]
        times = [_first_line(run) for _ in range(TIMES)]
        print(f"| first line of `overseg run` | {min(cpu for cpu, _ in times):.2f} | {min(w for _, w in times):.2f} |")


def _ended(command: list[str | Path]) -> tuple[float, float]:
    """CPU and wall time of a command, in seconds."""
    before, since = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, time.monotonic() - since


def _first_line(command: list[str | Path]) -> tuple[float, float]:
    """CPU and wall time until a command writes its first line to stderr; it is killed then."""
    since = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.readline()
        wall_s = time.monotonic() - since
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        process.kill()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), wall_s


if __name__ == "__main__":
    main()

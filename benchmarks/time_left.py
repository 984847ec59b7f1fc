"""The time left that a run shows, against the truth: `python benchmarks/time_left.py VIDEO --end 110 --step 8`.

Prints a row for each tenth of the run, and the largest error from a tenth of the run on to its last twentieth. The
truth is the time from each visit to the end of the run, with its result. `--interrupt-after N` measures a run that
continues after N visits. `--clock cpu` counts CPU time in place of wall time, on a machine that others use as well: of
the run, its stages and its budget.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any


class Recorder:
    """Notes the time left after each visit; interrupts the run after some visits."""

    def __init__(self, *, interrupt_after: int | None = None) -> None:
        self._interrupt_after = interrupt_after
        self.began_s = time.monotonic()
        self.shown: list[tuple[float, int, float]] = []  # time, frames done, time left
        self.n_visits = 0

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None: ...

    def event(self, name: str, **facts: Any) -> None:
        if name != "visit":
            return
        self.n_visits += 1
        if facts["left_s"] is not None:
            self.shown.append((time.monotonic(), facts["frames_done"], facts["left_s"]))
        if self.n_visits == self._interrupt_after:
            raise KeyboardInterrupt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video")
    parser.add_argument("--end", type=int)
    parser.add_argument("--step", type=lambda text: text if text == "auto" else int(text), default="auto")
    parser.add_argument("--resize", type=int)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--budget")
    parser.add_argument("--interrupt-after", type=int)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    args = parser.parse_args()
    if args.clock == "cpu":  # before overseg is imported
        time.monotonic = time.perf_counter = time.process_time
    import overseg

    options = {"end": args.end, "step": args.step, "resize": args.resize, "device": "cpu", "preset": args.preset}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "out.zarr")
        if args.interrupt_after:
            try:
                overseg.run(args.video, store, report=Recorder(interrupt_after=args.interrupt_after), **options)
            except KeyboardInterrupt:
                print(f"interrupted after {args.interrupt_after} visits")
        recorder = Recorder()
        overseg.run(args.video, store, budget=args.budget, report=recorder, **options)
    _print(recorder, time.monotonic())


def _print(recorder: Recorder, ended_s: float) -> None:
    whole_s, next_tenth, worst = ended_s - recorder.began_s, 0, 0.0
    print(f"{recorder.n_visits} visits, {whole_s:.0f} s\n\n| share of the run | frames | shown | truth | error |")
    print("|---|---|---|---|---|")
    for at_s, frames, left_s in recorder.shown:
        truth_s = ended_s - at_s
        share, error = 1 - truth_s / whole_s, left_s / truth_s - 1
        if 0.1 <= share <= 0.95:
            worst = max(worst, abs(error))
        if 10 * share >= next_tenth:
            next_tenth = int(10 * share) + 1
            print(f"| {share:.2f} | {frames} | {left_s:.0f} s | {truth_s:.0f} s | {error:+.0%} |")
    print(f"\nlargest error from 0.10 to 0.95 of the run: {worst:.0%}")


if __name__ == "__main__":
    main()

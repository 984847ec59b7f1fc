"""Progress and events of a run, for people on a terminal and for a log file."""

import json
import sys
import time
from typing import IO, TextIO

from tqdm import tqdm

from overseg.errors import InputError


class TerminalReport:
    """Shows progress bars with the time left on a terminal, and writes events to a log, one JSON object per line."""

    def __init__(self, *, quiet: bool = False, log: IO[bytes] | None = None, stream: TextIO | None = None) -> None:
        """
        Args:
            quiet: show no bars and no remarks.
            log: an unbuffered file. Each line is a JSON object with "event", "time_s" (Unix time) and the event's
                facts.
            stream: for bars and remarks; None for the current sys.stderr.
        """
        self._quiet = quiet
        self._log = log
        self._stream = stream or sys.stderr
        self._bars: dict[str, tqdm] = {}

    def progress(self, stage: str, done: int, total: int) -> None:
        """Move the stage's bar; see `stages.Report`."""
        if self._quiet or not self._stream.isatty():
            return
        if stage not in self._bars:
            self._bars[stage] = tqdm(total=total, initial=done, desc=stage, file=self._stream, dynamic_ncols=True)
        bar = self._bars[stage]
        bar.update(done - bar.n)
        if done == total:
            self._bars.pop(stage).close()

    def event(self, name: str, **facts: str | int | float | None) -> None:
        """Log the event, and show its line if it is a remark; see `stages.Report`.

        Raises:
            InputError: the log cannot be written, for example because the disk is full.
        """
        if self._log:
            self._write_log({"event": name, "time_s": round(time.time(), 3), **facts}, self._log)
        if name == "remark" and not self._quiet:
            tqdm.write(str(facts["line"]), file=self._stream)

    def close(self) -> None:
        """Close all progress bars."""
        for bar in self._bars.values():
            bar.close()
        self._bars.clear()

    def _write_log(self, event: dict[str, str | int | float | None], log: IO[bytes]) -> None:
        try:
            log.write(json.dumps(event).encode() + b"\n")
        except OSError as e:
            raise InputError(
                f"--log-json {log.name} cannot be written: {e.strerror}; what was committed is kept: "
                "make room and run the same command again, or leave the log out"
            ) from e

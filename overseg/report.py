"""Reports what a run does, on a terminal and in a log."""

import json
import sys
import time
from typing import IO, TextIO

from tqdm import tqdm

from overseg.errors import InputError


class TerminalReport:
    """Progress bars with the time left, on a terminal only; and, where asked for, one event a line as JSON."""

    def __init__(self, *, quiet: bool = False, log: IO[bytes] | None = None, stream: TextIO | None = None) -> None:
        """
        Args:
            quiet: no bars and no remarks.
            log: gets one JSON object a line, with "event", "time_s" (Unix time) and the event's facts. Opened without a
                buffer, so that each line is there when it is written.
            stream: where bars and remarks go; None for what sys.stderr is now.
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
        """Write the event down, and say it where it is a remark; see `stages.Report`.

        Raises:
            InputError: the log cannot be written any further, as when the disk is full.
        """
        if self._log:
            self._write_down({"event": name, "time_s": round(time.time(), 3), **facts}, self._log)
        if name == "remark" and not self._quiet:
            tqdm.write(str(facts["line"]), file=self._stream)

    def close(self) -> None:
        """Close all progress bars."""
        for bar in self._bars.values():
            bar.close()
        self._bars.clear()

    def _write_down(self, event: dict[str, str | int | float | None], log: IO[bytes]) -> None:
        try:
            log.write(json.dumps(event).encode() + b"\n")
        except OSError as e:
            raise InputError(
                f"--log-json {log.name} cannot be written: {e.strerror}; what was committed is kept: "
                "make room and run the same command again, or leave the log out"
            ) from e

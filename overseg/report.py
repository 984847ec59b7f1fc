"""Progress and events of a run, for people on a terminal or in a notebook, and for a log file."""

import json
import os
import sys
import time
from io import TextIOBase
from typing import IO, TYPE_CHECKING, Any, TextIO

from overseg.errors import InputError

if TYPE_CHECKING:
    from tqdm import tqdm

_USUAL_COLUMNS, _USUAL_ROWS = 80, 24  # where the width of the terminal is unknown, and in a notebook
_WITH_TIME_LEFT = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


class TerminalReport:
    """Shows progress bars with the time left, and writes events to a log, one JSON object per line."""

    def __init__(
        self, *, quiet: bool = False, log: IO[bytes] | None = None, stream: TextIOBase | TextIO | None = None
    ) -> None:
        """
        Args:
            quiet: show no bars and no remarks.
            log: an unbuffered file. Each line is a JSON object with "event", "time_s" (Unix time) and the event's
                facts.
            stream: for bars and remarks; None for the current sys.stderr. Bars are shown on a terminal and in a
                notebook, and nowhere else.
        """
        self._quiet = quiet
        self._log = log
        self._stream = stream or sys.stderr
        self._bars: dict[str, tqdm] = {}

    def progress(self, stage: str, done: int, total: int, left_s: float | None = None) -> None:
        """Move the stage's bar; see `stages.Report`."""
        if self._quiet or not (self._stream.isatty() or _is_notebook(self._stream)):
            return
        if stage not in self._bars:
            self._bars[stage] = self._new_bar(stage, done, total, has_time_left=left_s is not None)
        bar = self._bars[stage]
        if left_s is not None:
            bar.bar_format = _WITH_TIME_LEFT
            bar.set_postfix_str(f"{as_clock(left_s)} left", refresh=False)
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
            self._write(str(facts["line"]))

    def close(self) -> None:
        """Close all progress bars."""
        for bar in self._bars.values():
            bar.close()
        self._bars.clear()

    def _new_bar(self, stage: str, done: int, total: int, *, has_time_left: bool) -> "tqdm":
        from tqdm import tqdm

        width = {"dynamic_ncols": True} if _has_width(self._stream) else {"ncols": _USUAL_COLUMNS, "nrows": _USUAL_ROWS}
        shown = {"bar_format": _WITH_TIME_LEFT} if has_time_left else {}
        return tqdm(total=total, initial=done, desc=stage, file=self._stream, mininterval=0.5, **width, **shown)

    def _write(self, line: str) -> None:
        """Write a line above the bars."""
        if not self._bars:
            print(line, file=self._stream, flush=True)
            return
        from tqdm import tqdm

        tqdm.write(line, file=self._stream)

    def _write_log(self, event: dict[str, str | int | float | None], log: IO[bytes]) -> None:
        try:
            log.write(json.dumps(event).encode() + b"\n")
        except OSError as e:
            raise InputError(
                f"--log-json {log.name} cannot be written: {e.strerror}; what was committed is kept: "
                "make room and run the same command again, or leave the log out"
            ) from e


def _is_notebook(stream: object) -> bool:
    return type(stream).__module__.startswith("ipykernel.")


def _has_width(stream: Any) -> bool:
    """Whether the terminal says how wide it is; some say 0, and a notebook has no terminal."""
    try:
        return os.get_terminal_size(stream.fileno()).columns > 0
    except (OSError, ValueError, AttributeError):
        return False


def as_clock(seconds: float) -> str:
    """Seconds as a clock shows them.

    >>> as_clock(7.4), as_clock(67), as_clock(3700)
    ('0:07', '1:07', '1:01:40')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"

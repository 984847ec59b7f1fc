"""The command line: reads the words, calls the package, and turns errors into one line."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from overseg.cli import (
    associate,
    autotrack,
    detector,
    export,
    import_,
    info,
    relink,
    render,
    repair,
    run,
    segment,
    selfcheck,
    track,
    weights,
)
from overseg.cli import eval as evaluation
from overseg.cli.renamed import with_current_options
from overseg.errors import OversegError, SettingsError

_INTERRUPTED = 130
# Read by OpenMP when torch is loaded: idle threads sleep. Spinning, they made a run ten times slower beside another
# busy process, and gained nothing that could be measured beside none.
_THREADS_THAT_SLEEP = {"OMP_WAIT_POLICY": "PASSIVE"}
_WHAT_MPS_LACKS = {"PYTORCH_ENABLE_MPS_FALLBACK": "1"}  # read when torch is loaded, too: it runs on the CPU then


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 on success, 2 for a wrong option, 1 for other errors, 130 when interrupted."""
    os.environ.update(_THREADS_THAT_SLEEP | _WHAT_MPS_LACKS | os.environ)
    if_interrupted = "run the same command again"
    with _Interrupts() as interrupts:
        try:
            args = _parsed(arguments)
            if_interrupted = args.if_interrupted
            code = args.call(args)
            print(end="", flush=True)  # here, and not at the interpreter's end, where an error could not be reported
            return code
        except (Exception, KeyboardInterrupt) as e:
            if interrupts.came or isinstance(e, KeyboardInterrupt):
                return _fail(f"interrupted; {if_interrupted}", _INTERRUPTED)
            return _reported(e)


class _Interrupts:
    """Notes that Ctrl-C was pressed: some libraries turn the interrupt into an error of their own."""

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> "_Interrupts":
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        if self._in_main_thread:
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        if self._in_main_thread:
            signal.signal(signal.SIGINT, self._before)

    def _interrupt(self, *_: object) -> NoReturn:
        self.came = True
        raise KeyboardInterrupt


def _reported(error: Exception | KeyboardInterrupt) -> int:
    """Print in one line what went wrong, and return the exit code; raise again an error that is a defect of ours."""
    match error:
        case OversegError():
            return _fail(str(error), error.exit_code)
        case MemoryError():
            return _fail("out of memory: shrink the frames with --resize, or close other programs", 1)
        case BrokenPipeError():  # whoever was reading has seen enough
            _drop_output()
            return 1
        case OSError():  # no stage expected it: a disk that fails, no file handles left, a full disk behind stdout
            _drop_output()
            return _fail(f"the system failed: {error}; mend the cause and run the same command again", 1)
    raise error


_COMMANDS = (
    run,
    track,
    autotrack,
    detector,
    info,
    evaluation,
    relink,
    repair,
    render,
    export,
    import_,
    segment,
    associate,
    weights,
    selfcheck,
)


class _Parser(argparse.ArgumentParser):
    """Refuses wrong words with one line, like everything else."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message.removeprefix('argument ')}; see `{self.prog} --help`")


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="overseg", description="Every region of a video, followed through time.")
    parser.add_argument("--version", action="version", version=f"overseg {version('overseg')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    words = with_current_options(sys.argv[1:] if arguments is None else arguments)
    args, unknown = parser.parse_known_args(words)
    if unknown:
        raise SettingsError(f"unknown words {' '.join(unknown)}; see `overseg {args.command} --help`")
    return args


def _drop_output() -> None:
    """Keep the interpreter from writing, at its end, what could not be written now."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, code: int) -> int:
    print(f"overseg: {' '.join(line.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

"""The command line: reads the words, calls the package, and turns errors into one line."""

import argparse
import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from overseg import freed_memory
from overseg.cli.commands import COMMANDS, Command, overview
from overseg.cli.renamed import with_current_options
from overseg.errors import OversegError, SettingsError, did_you_mean

_INTERRUPTED = 130
# Read by OpenMP when torch is loaded: idle threads sleep. Spinning, they made a run ten times slower beside another
# busy process, and gained nothing that could be measured beside none.
_THREADS_THAT_SLEEP = {"OMP_WAIT_POLICY": "PASSIVE"}
_WHAT_MPS_LACKS = {"PYTORCH_ENABLE_MPS_FALLBACK": "1"}  # read when torch is loaded, too: it runs on the CPU then


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 on success, 2 for a wrong option, 1 for other errors, 130 when interrupted."""
    os.environ.update(_THREADS_THAT_SLEEP | _WHAT_MPS_LACKS | os.environ)
    args = argparse.Namespace(if_interrupted="run the same command again")
    with _Interrupts() as interrupts:
        try:
            args = _parsed(arguments)
            freed_memory.share_among_threads()
            code = args.call(args)
            print(end="", flush=True)  # here, and not at the interpreter's end, where an error could not be reported
            return code
        except (Exception, KeyboardInterrupt) as e:
            if interrupts.came or isinstance(e, KeyboardInterrupt):
                return _fail(f"interrupted; {args.if_interrupted}", _INTERRUPTED)
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


class _Parser(argparse.ArgumentParser):
    """Refuses wrong words with one line, like everything else."""

    words: Sequence[str] = ()  # of the whole command line

    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        known = [word.strip(" '") for word in wrong[2].split(",")] if wrong else []
        hint = did_you_mean(wrong[1], known) if wrong else self._misspelt_option()
        raise SettingsError(f"{message.removeprefix('argument ')}{hint}; see `{self.prog} --help`")

    def _misspelt_option(self) -> str:
        """A hint about an option that does not exist: it may be why another word is missing or has a wrong place."""
        options = [option for one in _parsers(self) for option in one._option_string_actions]
        asked = [word.partition("=")[0] for word in self.words if re.match("--.", word)]
        unknown = [word for word in asked if not any(option.startswith(word) for option in options)]
        hint = did_you_mean(unknown[0], options) if unknown else ""
        return hint and f"; there is no option {unknown[0]}{hint}"


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    words = with_current_options(sys.argv[1:] if arguments is None else arguments)
    if not words:
        raise SettingsError("expected a command, such as `overseg run cup.mp4 cup.zarr`; see `overseg --help`")
    if words[0] in ("-h", "--help", "--version"):
        call = _print_version if words[0] == "--version" else _print_overview
        return argparse.Namespace(call=call, if_interrupted="nothing was lost")
    command = _command(words[0])
    parser = _Parser(prog="overseg")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    import_module(f"overseg.cli.{command.module}").add_parser(commands)
    _add_examples(commands.choices[command.name], command)
    for one in _parsers(commands.choices[command.name]):
        one.words = words
    args, unknown = parser.parse_known_args(words)
    if unknown:
        options = [word for one in _parsers(commands.choices[command.name]) for word in one._option_string_actions]
        hint = did_you_mean(unknown[0].partition("=")[0], options)
        raise SettingsError(f"unknown words {' '.join(unknown)}{hint}; see `overseg {command.name} --help`")
    return args


def _command(word: str) -> Command:
    names = {one.name: one for one in COMMANDS}
    if word not in names:
        hint = did_you_mean(word, names)
        raise SettingsError(f"there is no command {word!r}{hint}; see `overseg --help`")
    return names[word]


def _add_examples(parser: argparse.ArgumentParser, command: Command) -> None:
    """Show the examples of a command at the end of its help."""
    lines = "\n".join(["examples:", *(f"  {line}" for line in command.examples[:3])])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"{parser.epilog}\n\n{lines}" if parser.epilog else lines


def _parsers(parser: _Parser) -> list[_Parser]:
    """A command's parser, and those of its parts."""
    parts = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return [parser, *(one for action in parts for one in action.choices.values())]


def _print_overview(_: argparse.Namespace) -> int:
    print(overview())
    return 0


def _print_version(_: argparse.Namespace) -> int:
    from importlib.metadata import version

    print(f"overseg {version('overseg')}")
    return 0


def _drop_output() -> None:
    """Keep the interpreter from writing, at its end, what could not be written now."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, code: int) -> int:
    print(f"overseg: {' '.join(line.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

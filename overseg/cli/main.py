"""The command line: reads the words, calls the package, and turns errors into one line."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from overseg.cli import info, render, run, weights
from overseg.errors import OversegError

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 on success, 2 for a wrong option, 1 for other errors, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="overseg", description="Every region of a video, followed through time.")
    parser.add_argument("--version", action="version", version=f"overseg {version('overseg')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (run, info, render, weights):
        command.add_parser(commands)
    args = parser.parse_args(arguments)
    try:
        return args.call(args)
    except OversegError as e:
        return _fail(str(e), e.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted; what was committed is kept: the same command goes on from there", _INTERRUPTED)
    except MemoryError:
        return _fail("out of memory: shrink the frames with --resize, or close other programs", 1)
    except BrokenPipeError:
        return 1


def _fail(line: str, code: int) -> int:
    print(f"overseg: {' '.join(line.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

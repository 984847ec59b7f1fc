"""Reading of damaged inputs one after the other: what was read, what was refused, and what should not have happened."""

import faulthandler
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fuzzing.damage import damaged
from fuzzing.readers import Reader

from overseg.errors import OversegError

LIMIT_S = 60.0  # for one input; a busy machine is slow, and what hangs, hangs for ever
LIMIT_BYTES = 4 << 30  # of address space beyond what the process has when it begins
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree"}


@dataclass
class Counts:
    """What came of the inputs of one kind.

    Attributes:
        read, refused: how many were read, and how many refused in one line.
        findings: what should not have happened, and the number of the first input with which it did.
    """

    read: int = 0
    refused: int = 0
    findings: dict[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Inputs in all, but those that ended the process."""
        return self.read + self.refused


def fuzz(name: str, reader: Reader, seeds: Path, numbers: range) -> Counts:
    """Read the damaged inputs of these numbers in processes of their own; one that dies is a finding."""
    counts, context = Counts(), multiprocessing.get_context("fork")
    while len(numbers):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_read_all, args=(name, reader, seeds, numbers, there))
        process.start()
        there.close()
        last = None
        try:
            while (told := here.recv()) is not None:
                last, outcome = told
                _count(counts, last, outcome)
        except EOFError:
            at = numbers[0] if last is None else last + 1
            process.join()
            counts.findings.setdefault(f"the process ended with {process.exitcode}: a hang, or a crash", at)
            numbers = range(at + 1, numbers.stop)
            continue
        process.join()
        return counts
    return counts


def _count(counts: Counts, number: int, outcome: str) -> None:
    if outcome == "read":
        counts.read += 1
    elif outcome == "refused":
        counts.refused += 1
    else:
        counts.read += 1
        counts.findings.setdefault(outcome, number)


def _read_all(name: str, reader: Reader, seeds: Path, numbers: range, told: Connection) -> None:
    sys.dont_write_bytecode = True
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + LIMIT_BYTES, size + LIMIT_BYTES))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders complain there
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=in_memory) as folder:
        copy = Path(shutil.copytree(seeds, Path(folder, "in")))
        files = sorted(path for path in copy.rglob("*") if path.is_file() and not path.is_symlink())
        escapes = _watch_writes(Path(folder))
        for number in numbers:
            outcome = _read_one(f"{name}-{number}", reader, copy, files, Path(folder, "out"), number)
            if escapes:
                outcome = f"wrote outside of the destination: {escapes.pop()}"
                escapes.clear()
            told.send((number, outcome))
        told.send(None)


def _read_one(seed: str, reader: Reader, copy: Path, files: list[Path], scratch: Path, number: int) -> str:
    dice = random.Random(seed)
    path = dice.choice(files)
    whole = path.read_bytes()
    path.write_bytes(damaged(whole, path.suffix, dice))
    scratch.mkdir()
    faulthandler.dump_traceback_later(LIMIT_S, exit=True, file=sys.stdout)
    try:
        reader(copy, scratch, number)
        return "read"
    except OversegError as e:
        return "refused" if "\n" not in str(e) else f"more than one line: {e!r}"
    except Exception as e:
        return _place(e)
    finally:
        faulthandler.cancel_dump_traceback_later()
        shutil.rmtree(scratch)
        path.write_bytes(whole)


def _place(error: Exception) -> str:
    """The error's kind and the innermost line of overseg's that it passed."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f"{os.sep}overseg{os.sep}" in f.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere in overseg"
    return f"{type(error).__name__} at {where}: {' '.join(str(error).split())[:120]}"


def _watch_writes(folder: Path) -> list[str]:
    """Notes every path outside of the folder that this process opens to write, makes, moves or removes from now on."""
    allowed, escapes = os.path.realpath(folder), list[str]()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & _WRITES:
                return
        elif event in _CHANGES:
            at = 1 if event in ("os.rename", "os.symlink", "os.link") else 0
            path = arguments[at]
            if event in ("os.rmdir", "os.remove") and arguments[1] >= 0:  # relative to an open folder
                path = os.path.join(f"/proc/self/fd/{arguments[1]}", os.fsdecode(path))
        else:
            return
        if isinstance(path, int) or path is None:
            return
        real = os.path.realpath(os.fsdecode(path))
        if os.path.basename(os.path.dirname(real)) == "__pycache__":
            return  # Python keeps compiled modules there
        if not real.startswith((allowed + os.sep, "/dev/null", "/proc/self/")) and real != allowed:
            escapes.append(f"{event} {real}")

    sys.addaudithook(hook)
    return escapes


def summed(all_counts: dict[str, Counts]) -> Counter[str]:
    """Read, refused and findings over all kinds."""
    total: Counter[str] = Counter()
    for counts in all_counts.values():
        total.update(read=counts.read, refused=counts.refused, findings=len(counts.findings))
    return total

"""What a batch keeps beside its stores: `videos.jsonl`, and `failures.jsonl` or one such file for each shard."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from overseg.batch.outcome import Outcome
from overseg.batch.shard import Shard
from overseg.batch.tasks import Plan, Task
from overseg.errors import StoreError
from overseg.store.places import folder_at
from overseg.store.write_errors import writing

VIDEOS, _FAILURES = "videos.jsonl", "failures"


class Records:
    """The records of the batches in a folder. Whoever writes one replaces it whole, so that readers never see a half.

    Jobs that share a folder list the same videos, and each has a file of failures of its own.
    """

    def __init__(self, out: str, shard: Shard | None = None) -> None:
        """
        Args:
            out: the folder of the stores, a path or an address.
            shard: the part of the batch whose failures are written here; None for all of it.
        """
        self._folder = folder_at(out)
        self._failures_name = f"{_FAILURES}.{shard}.jsonl" if shard else f"{_FAILURES}.jsonl"
        self._failures: list[dict[str, Any]] = []

    @property
    def failures_place(self) -> str:
        """Path or address of the file of failures that is written here."""
        return f"{self._folder}/{self._failures_name}"

    def make_folder(self) -> None:
        """Make the folder where it is missing.

        Raises:
            StoreError: it cannot be made.
        """
        with writing(self._folder):
            self._folder.make()

    def begin(self, tasks: Iterable[Task]) -> None:
        """Keep these videos with those of earlier batches, and forget their earlier failures in this shard.

        Raises:
            StoreError: the folder cannot be written.
        """
        now = {task.name: task for task in tasks}
        merged = {task.name: task for task in self.tasks()} | now
        self._failures = [one for one in self._read(self._failures_name) if one.get("name") not in now]
        with writing(self._folder):
            self._folder.write(VIDEOS, _lines(task.as_json() for task in merged.values()))
            self._folder.write(self._failures_name, _lines(self._failures))

    def tasks(self) -> list[Task]:
        """All videos of all batches into this folder.

        Raises:
            StoreError: the record is damaged.
        """
        try:
            return [Task(**one) for one in self._read(VIDEOS)]
        except TypeError as e:
            raise self._damaged(VIDEOS, e) from e

    def add_failure(self, outcome: Outcome, task: Task, plan: Plan) -> None:
        """Record a video that failed: what, where, when, and how to do it again."""
        failure = task.as_json() | {
            "error": outcome.error,
            "kind": outcome.kind,
            "where": outcome.where,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "retry": plan.command_of(task, outcome.device),
        }
        self._failures.append(failure | ({"traceback": outcome.traceback} if outcome.traceback else {}))
        with writing(self._folder):
            self._folder.write(self._failures_name, _lines(self._failures))

    def failures(self) -> dict[str, dict[str, Any]]:
        """The failures of all shards, by the video's name."""
        names = [name for name in self._folder.names() if name.startswith(f"{_FAILURES}.") and name.endswith(".jsonl")]
        return {str(one.get("name")): one for name in names for one in self._read(name)}

    def _read(self, name: str) -> list[dict[str, Any]]:
        try:
            text = self._folder.read(name).decode()
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as e:
            raise self._damaged(name, e) from e

    def _damaged(self, name: str, error: Exception) -> StoreError:
        return StoreError(f"cannot read {self._folder}/{name} ({error}); remove it and run the batch again")


def _lines(objects: Iterable[dict[str, Any]]) -> bytes:
    text = "".join(_with_newlines(objects))
    return text.encode(errors="backslashreplace")  # as JSON writes what a path may hold and UTF-8 may not


def _with_newlines(objects: Iterable[dict[str, Any]]) -> Iterator[str]:
    for one in objects:
        yield json.dumps(one, ensure_ascii=False) + "\n"

"""What has become of every video of a folder, at any time."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from overseg.api.state import StoreState, state_of
from overseg.batch.outcome import Outcome, State
from overseg.batch.records import VIDEOS, Records
from overseg.batch.tasks import store_at
from overseg.errors import InputError, StoreError


def status_of(out: str) -> list[Outcome]:
    """The state of every video of all batches into a folder, in the order in which they were listed.

    Args:
        out: the folder, a path or an address.

    Raises:
        InputError: there was no batch into it.
        StoreError: it cannot be read.
    """
    records = Records(out)
    tasks, failures = records.tasks(), records.failures()
    if not tasks:
        raise InputError(f"expected the folder of a batch, with {VIDEOS} in it, got {out}; check the path")
    return [_status(task.name, store_at(out, task.name), failures.get(task.name)) for task in tasks]


def counts_of(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many videos there are in all, and in each state."""
    n = Counter(one.state for one in outcomes)
    return {"videos": len(outcomes), **{str(state): n[state] for state in State}}


def as_json(outcome: Outcome) -> dict[str, Any]:
    """One video, ready for JSON."""
    known = {"name": outcome.name, "state": str(outcome.state), **outcome.facts}
    more = {"error": outcome.error, "where": outcome.where, "seconds": outcome.seconds}
    return known | {name: value for name, value in more.items() if value}


def _status(name: str, store: str, failure: dict[str, Any] | None) -> Outcome:
    try:
        found = state_of(store)
    except StoreError as e:
        return Outcome(name, State.FAILED, error=str(e), kind=type(e).__name__)
    state = _state(found, failure)
    if state is State.FAILED and failure:
        error, kind, where = (str(failure.get(key, "")) for key in ("error", "kind", "where"))
        return Outcome(name, state, facts=found.facts, error=error, kind=kind, where=where)
    return Outcome(name, state, facts=found.facts)


def _state(found: StoreState, failure: dict[str, Any] | None) -> State:
    if found.is_final:
        return State.DONE
    if found.is_written:
        return State.RUNNING
    if failure:
        return State.FAILED
    if str(found.facts.get("stop_reason", "")).startswith("budget "):
        return State.DONE
    return State.BEGUN if found.exists else State.WAITING

"""What came of one video."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """What has become of a video so far."""

    DONE = "done"
    FAILED = "failed"
    RUNNING = "running"  # some process is writing its store
    BEGUN = "begun"  # what was committed is kept, and nobody is at work
    WAITING = "waiting"


@dataclass(frozen=True)
class Outcome:
    """What came of a video.

    Attributes:
        name: of the video.
        state: DONE, FAILED, or RUNNING where another process is writing its store.
        seconds: time that it took here.
        facts: about the result, in JSON.
        error: what went wrong, in one line; empty if nothing did.
        kind: class of the error.
        traceback: of an error that is a defect of overseg.
        where: host, process and device.
        device: as `overseg.run` takes it.
        n_parts: parts that are to be made, of a video that was begun.
    """

    name: str
    state: State
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    kind: str = ""
    traceback: str = ""
    where: str = ""
    device: str = "auto"
    n_parts: int = 0

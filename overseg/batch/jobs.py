"""What a worker does at once: a whole video, or a step of one that many workers share."""

from dataclasses import dataclass, field
from enum import StrEnum

from overseg.batch.tasks import Task


class Step(StrEnum):
    """What is done of a video."""

    WHOLE = "whole"
    BEGIN = "begin"  # find the shots, and how many parts there are
    PART = "part"
    REST = "rest"  # make what is left of a video that was begun, and conclude it
    CONCLUDE = "conclude"  # publish the result of all parts


class Phase(StrEnum):
    """How far a job is that needs the device."""

    PREPARES = "prepares"  # opens the video, finds the shots
    WAITS = "waits"  # for the job before it on this device
    WORKS = "works"
    CONCLUDES = "concludes"  # decides the tracks and publishes the result


@dataclass(frozen=True)
class Job:
    """What a worker does at once.

    Attributes:
        task: the video.
        step: what is done of it.
        part: which part, from 0; of a PART.
        is_begun: whether a worker that is gone had begun it, and what its store holds is to be continued.
    """

    task: Task
    step: Step = Step.WHOLE
    part: int = 0
    is_begun: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.task.name} part {self.part}" if self.step is Step.PART else self.task.name

    @property
    def needs_turn(self) -> bool:
        """Whether it makes masks, for which a worker's jobs take turns."""
        return self.step in (Step.WHOLE, Step.PART, Step.REST)

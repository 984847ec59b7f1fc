"""What a worker does at once: a whole video, or a step of one that many workers share."""

from dataclasses import dataclass
from enum import StrEnum

from overseg.batch.tasks import Task


class Step(StrEnum):
    """What is done of a video."""

    WHOLE = "whole"
    BEGIN = "begin"  # find the shots, and how many parts there are
    PART = "part"
    CONCLUDE = "conclude"  # publish the result of all parts


@dataclass(frozen=True)
class Job:
    """What a worker does at once.

    Attributes:
        task: the video.
        step: what is done of it.
        part: which part, from 0; of a PART.
    """

    task: Task
    step: Step = Step.WHOLE
    part: int = 0

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.task.name} part {self.part}" if self.step is Step.PART else self.task.name

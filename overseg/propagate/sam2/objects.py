"""The objects of a session, and their prompts on the way into SAM 2."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch

from overseg.data.prompts import NO_POINT, Prompts
from overseg.data.rles import Rles
from overseg.propagate.sam2.memory import FrameMemory, ObjectMemory, SeenFrames
from overseg.propagate.sam2.steps import FrameOutput, PointPrompts

Member = TypeVar("Member")
_BOX_LABELS = (2, 3)  # of a box's first and second corner, as SAM is trained


@dataclass
class SessionObject:
    """All that a session keeps of one object, in tables of one row, by frame number.

    Attributes:
        memory: what the model remembers of it.
        outputs: the model's outputs on the frames of `memory`.
        new_prompts, new_corrections: outputs for prompts since objects were propagated last, on frames that become
            conditioning frames, and on others. They have no memory yet.
        points: the points given on a frame.
        visited: the frames that the object was propagated to, and whether in reverse order of time.
    """

    memory: ObjectMemory
    outputs: dict[int, FrameOutput] = field(default_factory=dict)
    new_prompts: dict[int, FrameOutput] = field(default_factory=dict)
    new_corrections: dict[int, FrameOutput] = field(default_factory=dict)
    points: dict[int, PointPrompts] = field(default_factory=dict)
    visited: dict[int, bool] = field(default_factory=dict)

    def copy(self) -> "SessionObject":
        """The same tables in dictionaries of their own."""
        return SessionObject(
            memory=self.memory.copy(),
            outputs=dict(self.outputs),
            new_prompts=dict(self.new_prompts),
            new_corrections=dict(self.new_corrections),
            points=dict(self.points),
            visited=dict(self.visited),
        )

    def latest_output(self, frame: int, *, conditions: bool) -> FrameOutput | None:
        """The latest output on `frame`, with new prompts or, where not `conditions`, with new corrections."""
        newest = (self.new_prompts if conditions else self.new_corrections).get(frame)
        return newest or self.outputs.get(frame)

    def add_prompted(self, frame: int, output: FrameOutput, memory: FrameMemory, *, conditions: bool) -> None:
        """Add a frame with prompts. A correction of a conditioning frame is dropped, as upstream drops it."""
        if conditions:
            self.memory.conditioning[frame] = memory
            self.memory.recent.pop(frame, None)
            self.outputs[frame] = output
        elif frame not in self.memory.conditioning:
            self.add_propagated(frame, output, memory)

    def add_propagated(self, frame: int, output: FrameOutput, memory: FrameMemory) -> None:
        """Add a frame that is no conditioning frame."""
        self.memory.recent[frame] = memory
        self.outputs[frame] = output

    def forget_far(self, around: Sequence[int]) -> None:
        """Forget what the model cannot use on any frame of `around`."""
        self.memory.forget_far(around)
        kept = self.memory.conditioning.keys() | self.memory.recent.keys()
        self.outputs = {frame: output for frame, output in self.outputs.items() if frame in kept}


@dataclass(frozen=True)
class ObjectPrompt:
    """One row of the prompts: a mask or points for one object on one frame.

    Attributes:
        row: its number.
        frame: number of the frame.
        object: the object.
        conditions: whether the frame becomes a conditioning frame.
        reverse: whether the object was propagated to the frame in reverse order of time; None where it was not.
        mask, points: one of the two is given.
        seen: the frames whose memories are used for the correction of a propagated mask; None without a correction.
    """

    row: int
    frame: int
    object: SessionObject
    conditions: bool
    reverse: bool | None
    mask: Rles | None = None
    points: PointPrompts | None = None
    seen: SeenFrames | None = None

    @property
    def output_before(self) -> FrameOutput | None:
        """The model's latest output for the object on this frame."""
        return self.object.latest_output(self.frame, conditions=self.conditions)

    @property
    def batch_key(self) -> Hashable:
        """Prompts with the same key go through the model in one batch."""
        n_points = None if self.points is None else self.points.labels.shape[1]
        return self.frame, n_points, self.output_before is None, self.reverse, self.seen

    def keep(self, output: FrameOutput) -> None:
        """Keep the output until objects are propagated."""
        (self.object.new_prompts if self.conditions else self.object.new_corrections)[self.frame] = output


def point_prompts(
    prompts: Prompts, row: int, before: PointPrompts | None, *, image_size: int, device: torch.device
) -> PointPrompts:
    """The points of `before`, then the box of a row, then its points, in pixels of the model's square image."""
    is_point = prompts.point_label[row] != NO_POINT
    xy, labels = prompts.point_xy[row][is_point], prompts.point_label[row][is_point].astype(np.int32)
    if prompts.has_box[row]:
        xy = np.concatenate([prompts.box_xyxy[row].reshape(2, 2), xy])
        labels = np.concatenate([np.array(_BOX_LABELS, np.int32), labels])
    height, width = prompts.rles.size
    scaled = (torch.from_numpy(xy)[None] / torch.tensor([width, height]) * image_size).to(device)
    points = PointPrompts(scaled, torch.from_numpy(labels)[None].to(device))
    if before is None:
        return points
    return PointPrompts(torch.cat([before.xy, points.xy], dim=1), torch.cat([before.labels, points.labels], dim=1))


def prompt_rounds(prompts: Prompts) -> Iterator[list[int]]:
    """Row numbers in rounds. A round has one row at most for an object and frame; later rows are in later rounds."""
    n_before: defaultdict[tuple[int, int], int] = defaultdict(int)
    rounds: defaultdict[int, list[int]] = defaultdict(list)
    for row, at in enumerate(zip(prompts.object.tolist(), prompts.frame.tolist(), strict=True)):
        rounds[n_before[at]].append(row)
        n_before[at] += 1
    yield from rounds.values()


def grouped(members: Iterable[Member], key: Callable[[Member], Hashable]) -> list[list[Member]]:
    """Members with equal keys together, in their own order."""
    groups: defaultdict[Hashable, list[Member]] = defaultdict(list)
    for member in members:
        groups[key(member)].append(member)
    return list(groups.values())

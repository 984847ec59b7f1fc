"""What SAM 2 said of an object on the frames it has seen, and what it looks up there for another frame."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import torch

from overseg.propagate.sam2.memory import Memory, memory_entry
from overseg.propagate.sam2.steps import Clicks, MemoryView, Tracked

Seen = tuple[tuple[int, ...], tuple[int, ...]]  # frames with prompts, and others, that an object is looked up on


@dataclass(frozen=True)
class Output:
    """What the model said of n objects on one frame, and remembers of it.

    Attributes:
        logits, presence_logits, pointer: as in Tracked.
        score: how well each mask is supported, in [0, 1], [n].
        spatial: memory features, bfloat16 [n, channels, h, w]; None until a prompted frame is remembered.
    """

    logits: torch.Tensor
    presence_logits: torch.Tensor
    pointer: torch.Tensor
    score: torch.Tensor
    spatial: torch.Tensor | None

    @classmethod
    def of(cls, tracked: Tracked, memory: Memory | None) -> "Output":
        spatial = None if memory is None else memory.spatial
        return cls(tracked.logits, tracked.presence_logits, tracked.pointer, tracked.score, spatial)

    @classmethod
    def concatenate(cls, parts: "Sequence[Output]") -> "Output":
        """All rows of `parts` (at least one; all are remembered, or none is), in order."""
        spatial = [part.spatial for part in parts if part.spatial is not None]
        return cls(
            logits=torch.cat([part.logits for part in parts]),
            presence_logits=torch.cat([part.presence_logits for part in parts]),
            pointer=torch.cat([part.pointer for part in parts]),
            score=torch.cat([part.score for part in parts]),
            spatial=torch.cat(spatial) if spatial else None,
        )

    def __len__(self) -> int:
        return len(self.pointer)

    def row(self, row: int) -> "Output":
        """One object's."""
        one = slice(row, row + 1)
        spatial = None if self.spatial is None else self.spatial[one]
        return Output(self.logits[one], self.presence_logits[one], self.pointer[one], self.score[one], spatial)


@dataclass
class ObjectState:
    """All that is kept of one object, a row each, by frame.

    Attributes:
        prompted: outputs that condition all others, whatever the distance; of frames that prompts were given on.
        propagated: outputs of the other frames.
        new_prompted, new_propagated: outputs of prompts that nothing was propagated from yet.
        clicks: the points given on a frame, and no mask from before.
        visited: whether a frame that the object was propagated to was reached in reverse order of time.
    """

    prompted: dict[int, Output] = field(default_factory=dict)
    propagated: dict[int, Output] = field(default_factory=dict)
    new_prompted: dict[int, Output] = field(default_factory=dict)
    new_propagated: dict[int, Output] = field(default_factory=dict)
    clicks: dict[int, Clicks] = field(default_factory=dict)
    visited: dict[int, bool] = field(default_factory=dict)

    def copy(self) -> "ObjectState":
        """The same outputs in dictionaries of its own."""
        return ObjectState(**{column.name: dict(getattr(self, column.name)) for column in fields(self)})

    def latest(self, frame: int, *, conditions: bool) -> Output | None:
        """What was last said of the object on `frame`, where prompts that `conditions` the others are looked up."""
        newest = (self.new_prompted if conditions else self.new_propagated).get(frame)
        return newest or self.prompted.get(frame) or self.propagated.get(frame)

    def settle(self) -> None:
        """Let new outputs be seen from other frames."""
        self.prompted.update(self.new_prompted)
        self.propagated.update(self.new_propagated)
        self.new_prompted, self.new_propagated = {}, {}
        self.propagated = {frame: output for frame, output in self.propagated.items() if frame not in self.prompted}

    def forget(self, *, reach: int, around: Sequence[int]) -> None:
        """Forget what was propagated to frames further than `reach` from all frames of `around`."""
        near = [range(frame - reach, frame + reach + 1) for frame in around]
        self.propagated = {
            frame: kept for frame, kept in self.propagated.items() if any(frame in span for span in near)
        }

    def reachable(self, frame: int, *, reverse: bool, reach: int) -> Seen:
        """The prompted frames, and the propagated ones that the model looks at from `frame`."""
        behind = range(frame + 1, frame + reach + 1) if reverse else range(frame - reach, frame)
        return tuple(sorted(self.prompted)), tuple(other for other in behind if other in self.propagated)


def memories_of(states: Sequence[ObjectState], seen: Seen, position: torch.Tensor) -> MemoryView:
    """The memories of objects that all see the same frames, in the form that `SAM2Base` looks them up in.

    Args:
        states: the objects.
        seen: from `ObjectState.reachable`.
        position: positional encoding of the memory features, [1, channels, h, w].
    """

    def entry(outputs: list[Output]) -> dict[str, object]:
        joined = Output.concatenate(outputs)
        # Upstream leaves the widening to the pointers beside them; an object may have none that lie behind the frame.
        spatial = None if joined.spatial is None else joined.spatial.to(position.dtype)
        return memory_entry(Memory(spatial, joined.pointer), position)

    prompted, propagated = seen
    return {
        "cond_frame_outputs": {frame: entry([state.prompted[frame] for state in states]) for frame in prompted},
        "non_cond_frame_outputs": {frame: entry([state.propagated[frame] for state in states]) for frame in propagated},
    }

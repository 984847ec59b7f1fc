"""Prompts on their way into SAM 2: which of them go through it together, and in which form."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from overseg.data.prompts import NO_POINT, Prompts
from overseg.data.rles import Rles
from overseg.propagate.sam2.outputs import ObjectState, Output, Seen
from overseg.propagate.sam2.steps import Clicks

Member = TypeVar("Member")
_BOX_LABELS = (2, 3)  # of its first and its second corner, as SAM is trained


@dataclass(frozen=True)
class Given:
    """A row of the prompts, and what it is taken with.

    Attributes:
        row: its number.
        frame: its frame.
        state: its object.
        conditions: whether it conditions all other frames.
        reverse: how the object was propagated to the frame before; None where it was not.
        mask, clicks: what is given; one of the two.
        seen: frames that are looked at where a propagated mask is corrected; None where none are.
    """

    row: int
    frame: int
    state: ObjectState
    conditions: bool
    reverse: bool | None
    mask: Rles | None = None
    clicks: Clicks | None = None
    seen: Seen | None = None

    @property
    def before(self) -> Output | None:
        """What the model said of the object on this frame so far."""
        return self.state.latest(self.frame, conditions=self.conditions)

    @property
    def kind(self) -> Hashable:
        """Rows of one kind go through the model together."""
        n_points = None if self.clicks is None else self.clicks.labels.shape[1]
        return self.frame, n_points, self.before is None, self.reverse, self.seen

    def keep(self, output: Output) -> None:
        """Keep what came of it, to be seen from other frames once the session goes on."""
        (self.state.new_prompted if self.conditions else self.state.new_propagated)[self.frame] = output


def clicks_of(prompts: Prompts, row: int, before: Clicks | None, *, image_size: int, device: torch.device) -> Clicks:
    """The points of a row, after those of `before`, its box first, in pixels of the model's square image."""
    is_point = prompts.point_label[row] != NO_POINT
    xy, labels = prompts.point_xy[row][is_point], prompts.point_label[row][is_point].astype(np.int32)
    if prompts.has_box[row]:
        xy = np.concatenate([prompts.box_xyxy[row].reshape(2, 2), xy])
        labels = np.concatenate([np.array(_BOX_LABELS, np.int32), labels])
    height, width = prompts.rles.size
    scaled = (torch.from_numpy(xy)[None] / torch.tensor([width, height]) * image_size).to(device)
    clicks = Clicks(scaled, torch.from_numpy(labels)[None].to(device), None)
    if before is None:
        return clicks
    return Clicks(torch.cat([before.xy, clicks.xy], dim=1), torch.cat([before.labels, clicks.labels], dim=1), None)


def turns(prompts: Prompts) -> Iterator[list[int]]:
    """Row numbers, so that of the rows for one object and frame each comes in a later turn than the one before."""
    n_before: defaultdict[tuple[int, int], int] = defaultdict(int)
    turns: defaultdict[int, list[int]] = defaultdict(list)
    for row, at in enumerate(zip(prompts.object.tolist(), prompts.frame.tolist(), strict=True)):
        turns[n_before[at]].append(row)
        n_before[at] += 1
    yield from turns.values()


def grouped(members: Iterable[Member], key: Callable[[Member], Hashable]) -> list[list[Member]]:
    """Members of equal keys together, in the order in which they come."""
    groups: defaultdict[Hashable, list[Member]] = defaultdict(list)
    for member in members:
        groups[key(member)].append(member)
    return list(groups.values())

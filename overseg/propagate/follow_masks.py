"""Propagates prompted objects with a propagator that takes masks as prompts only."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.shot import Shot
from overseg.data.visit import Direction
from overseg.errors import InputError
from overseg.stages import Clip, MaskPropagator, Video

_ScoredMask = tuple[bytes, float]  # an encoded mask and its score


class MaskFollower:
    """Follows objects that are prompted with masks, by a propagator that takes masks alone."""

    def __init__(self, propagator: MaskPropagator) -> None:
        """
        Args:
            propagator: propagates each mask to the next one of its object, or to the end of the shot.
        """
        self._propagator = propagator

    def follow(self, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
        """Propagate objects from their masks through a whole shot; see `stages.PromptedPropagator`.

        Raises:
            InputError: a prompt that cannot be, is no mask, or lies outside the shot.
        """
        prompts.check(video.info, shot)
        _check_all_masks(prompts)
        return _followed(self._propagator, video, prompts, shot)


def _followed(propagator: MaskPropagator, video: Video, prompts: Prompts, shot: Shot) -> Iterator[ObjectMasks]:
    objects = list(dict.fromkeys(prompts.object.tolist()))
    if not objects:
        return
    found = _propagated(propagator, video, prompts, shot)
    first = int(prompts.frame.min())
    for frame in (*range(first, shot.stop + 1), *range(first - 1, shot.start - 1, -1)):
        here = {one: found[one, frame] for one in objects if (one, frame) in found}
        yield ObjectMasks.on_frame(video.info.size, frame, objects, here)


def _check_all_masks(prompts: Prompts) -> None:
    for row in np.flatnonzero(~prompts.has_mask):
        raise InputError(
            f"prompt {row} (object {prompts.object[row]}, frame {prompts.frame[row]}): expected a mask, as this "
            "propagator takes neither points nor boxes; give a mask, or use --propagator sam2"
        )


def _propagated(
    propagator: MaskPropagator, video: Video, prompts: Prompts, shot: Shot
) -> Mapping[tuple[int, int], _ScoredMask]:
    """Masks and scores by object and frame. The masks of one clip are propagated together."""
    row_of = {
        (one, frame): row
        for row, (one, frame) in enumerate(zip(prompts.object.tolist(), prompts.frame.tolist(), strict=True))
    }
    found: dict[tuple[int, int], _ScoredMask] = {}
    for (start, stop, direction), rows in _clips(row_of, shot).items():
        propagated = propagator.propagate(Clip(video, start, stop), prompts.rles.take(rows), direction).masks
        scores = propagated.score.tolist()
        for row, frame, counts, score in zip(
            propagated.prompt, propagated.frame, propagated.rles.counts, scores, strict=True
        ):
            found[int(prompts.object[rows[row]]), int(frame)] = (counts, score)
    given = {at: (prompts.rles.counts[row], 1.0) for at, row in row_of.items()}
    return found | given


def _clips(row_of: Mapping[tuple[int, int], int], shot: Shot) -> Mapping[tuple[int, int, Direction], list[int]]:
    """The rows of the prompts, by the clip through which they are propagated."""
    frames_of: defaultdict[int, list[int]] = defaultdict(list)
    for one, frame in sorted(row_of):
        frames_of[one].append(frame)
    clips: defaultdict[tuple[int, int, Direction], list[int]] = defaultdict(list)
    for one, frames in frames_of.items():
        clips[shot.start, frames[0], Direction.BACKWARD].append(row_of[one, frames[0]])
        for frame, following in pairwise([*frames, shot.stop + 1]):
            clips[frame, following - 1, Direction.FORWARD].append(row_of[one, frame])
    return clips

"""What a model of transformers declares, so that the propagators of this folder can use it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from overseg.propagate.sam2.work import MaskCost, TrackerCost


@dataclass(frozen=True, kw_only=True)
class HfFamily:
    """One model of transformers that tracks masks as SAM 2 does.

    Attributes:
        name: of the propagator, as `--propagator` takes it.
        title: its name for people.
        model: name of its class in transformers; that of its configuration is the same with Config in place of Model.
        model_type: what its `config.json` calls itself.
        accepted_types: other models whose weights hold this one.
        needs: packages that it needs beside transformers.
        image_size: side in pixels of the square that it was trained on.
        size_multiple: other sides are multiples of this, in pixels.
        mean_rgb, std_rgb: of the pictures that it was trained on, as shares of 255.
        resize: changes a configuration to another side, in pixels.
        small: makes a configuration that is small enough for tests, with a side that it says.
        memory_rows: the dimension of memory features that counts objects.
        encodes_memories_alone: whether its memory encoder takes one object at a time.
        counts_memories: whether its memory attention is told how many memories there are.
        frame_giga: multiply-adds of encoding a frame at the model's own side, in 10^9, of a configuration.
        mask: multiply-adds of propagating a mask to a frame and remembering it there.
    """

    name: str
    title: str
    model: str
    model_type: str
    accepted_types: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    image_size: int
    size_multiple: int
    mean_rgb: tuple[float, float, float]
    std_rgb: tuple[float, float, float]
    resize: Callable[[Any, int], None]
    small: Callable[[], Any]
    memory_rows: int
    encodes_memories_alone: bool = False
    counts_memories: bool = False
    frame_giga: Callable[[Any], float]
    mask: MaskCost

    def cost(self, config: Any) -> TrackerCost:
        """What a model of this configuration costs."""
        return TrackerCost(self.frame_giga(config), self.mask, share_of_side=config.image_size / self.image_size)


def feature_sizes(positions: int) -> list[list[int]]:
    """The sizes of the three levels of features, the finest first, where the coarsest has so many positions a side."""
    return [[scale * positions, scale * positions] for scale in (4, 2, 1)]

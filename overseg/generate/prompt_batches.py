"""How many prompts SAM decodes at once."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from overseg.batching import Batches, SideBySide

Result = TypeVar("Result")
DEFAULT_POINTS_PER_BATCH = 64  # segment_anything's
ADVICE = "use a smaller model, --dtype bfloat16, or --resize to make the frames smaller"


class PromptBatches:
    """Decodes prompts in batches on a GPU. On a CPU each prompt is decoded by itself in one of torch's threads.

    A CPU's products of a few prompts are too small to be shared among threads. And each prompt's masks are the same,
    to the last bit, on any number of threads.
    """

    def __init__(self, points_per_batch: int, device: torch.device) -> None:
        """
        Args:
            points_per_batch: prompts at once on a GPU. The number is halved when memory runs out.
            device: where the model computes.
        """
        self._points_per_batch, self._on_cpu = points_per_batch, device.type == "cpu"
        self._batches = (SideBySide if self._on_cpu else Batches)(row="prompt", advice=ADVICE)

    def run(self, n: int, work: Callable[[slice], Result]) -> Iterator[Result]:
        """Yield the result of `work` for the prompts of each batch, n in all, in order.

        Raises:
            DeviceError: memory runs out with a single prompt.
        """
        at_most = torch.get_num_threads() if self._on_cpu else self._points_per_batch
        return self._batches.map(work, n, at_most=at_most)

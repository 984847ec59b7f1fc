"""The seconds that each stage takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StageClock:
    """Sums up the seconds of each stage."""

    def __init__(self, **seconds: float) -> None:
        self.seconds = seconds

    @contextmanager
    def counts(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

"""What is learned of seconds, visit after visit: their means, by shot and by the number of masks."""

from dataclasses import dataclass, field

_LATEST = 0.1  # weight of the newest value in a mean, so that the pace follows a machine that becomes slower
SAMPLES_OF_OWN = 3  # what is expected of a shot counts as much as this many values of its own
_BY_MASKS = 0.5  # share of the time that grows with the number of masks, as long as little is known
_BY_MASKS_WEIGHT = 1.0  # of that share: as much as a shot with twice as many masks as usual


@dataclass
class Mean:
    """A mean of the values so far, in which later ones count more."""

    n: int = 0
    value: float = 0.0

    def blended(self, expected: float) -> float:
        """The mean with an expected value, which counts as much as a few values."""
        return (self.n * self.value + SAMPLES_OF_OWN * expected) / (self.n + SAMPLES_OF_OWN)

    def add(self, value: float) -> None:
        """Count another value."""
        self.n += 1
        self.value += max(_LATEST, 1 / self.n) * (value - self.value)


@dataclass
class ByShot:
    """A value for each shot of which it is known, and their mean."""

    of: dict[int, float] = field(default_factory=dict)
    total: float = 0.0

    @property
    def mean(self) -> float:
        """The mean of the shots; 0 if none is known."""
        return self.total / len(self.of) if self.of else 0.0

    def set(self, shot: int, value: float) -> None:
        """Give a shot its value, in place of an earlier one."""
        self.total += value - self.of.get(shot, 0.0)
        self.of[shot] = value


@dataclass
class Slope:
    """How much the time of a kind grows with the number of masks, from 0 (not at all) to 1 (in proportion)."""

    up: float = _BY_MASKS * _BY_MASKS_WEIGHT
    across: float = _BY_MASKS_WEIGHT

    def factor(self, density: float) -> float:
        """The time for so many masks, for each of the mean time."""
        return 1 + min(1.0, max(0.0, self.up / self.across)) * (density - 1)

    def add(self, density: float, time: float) -> None:
        """Learn from a visit: masks, and time, for each of the mean ones."""
        self.up += (density - 1) * (time - 1)
        self.across += (density - 1) ** 2

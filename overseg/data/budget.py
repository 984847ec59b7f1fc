"""The limits of a run, and the sums that they limit."""

import re
from dataclasses import dataclass

from overseg.data.renamed import Renamed
from overseg.errors import SettingsError

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_EXPECTED = "expected limits such as 90s, 10m, 2h, coverage=0.98, masks=100000 or work=500, joined by commas"


@dataclass(frozen=True)
class Spent:
    """The sums over all runs on a store so far.

    Attributes:
        seconds: working time.
        coverage: mean share of pixels under at least one mask, over all frames, in [0, 1].
        n_masks: number of masks kept.
        work: by the stages' formulas, in passes of SAM's image encoder; see `stages.MaskGenerator.keyframe_work`.
    """

    seconds: float
    coverage: float
    n_masks: int
    work: float


@dataclass(frozen=True)
class Budget:
    """Limits on a run; the first one that is reached stops it. None stands for no limit.

    Attributes:
        max_seconds: working time over all runs on the store.
        min_coverage: coverage that is enough, in (0, 1].
        max_masks: number of masks that is enough.
        max_work: work over all runs on the store, in passes of SAM's image encoder: unlike seconds, the same masks on
            every machine.
    """

    max_seconds: float | None = None
    min_coverage: float | None = None
    max_masks: int | None = None
    max_work: float | None = None

    met = Renamed("limit_reached")

    @classmethod
    def parse(cls, text: str, *, option: str = "--budget") -> "Budget":
        """Read limits as on the command line.

        >>> Budget.parse("10m,coverage=0.98")
        Budget(max_seconds=600.0, min_coverage=0.98, max_masks=None, max_work=None)

        Raises:
            SettingsError: the text is not of this form, or a limit is not positive or given twice.
        """
        limits: dict[str, float] = {}
        for part in text.split(","):
            name, value = _limit(part.strip(), f"{option} {text!r}")
            if name in limits:
                raise SettingsError(f"{option} {text!r} gives {name} twice: give each limit once")
            limits[name] = value
        max_masks = limits.get("masks")
        return cls(
            max_seconds=limits.get("seconds"),
            min_coverage=limits.get("coverage"),
            max_masks=None if max_masks is None else int(max_masks),
            max_work=limits.get("work"),
        )

    @property
    def limits(self) -> dict[str, str]:
        """The limits in words, by field."""
        words = {
            "max_seconds": f"seconds={self.max_seconds:g}" if self.max_seconds is not None else None,
            "min_coverage": f"coverage={self.min_coverage:g}" if self.min_coverage is not None else None,
            "max_masks": f"masks={self.max_masks}" if self.max_masks is not None else None,
            "max_work": f"work={self.max_work:g}" if self.max_work is not None else None,
        }
        return {name: limit for name, limit in words.items() if limit}

    @property
    def as_option(self) -> str:
        """The limits as `parse` reads them.

        >>> Budget(max_seconds=90, max_work=2.5).as_option
        '90s,work=2.5'
        """
        limits = {
            "{}s": self.max_seconds,
            "coverage={}": self.min_coverage,
            "masks={}": self.max_masks,
            "work={}": self.max_work,
        }
        plain = {form: f"{limit:.6f}".rstrip("0").rstrip(".") for form, limit in limits.items() if limit is not None}
        return ",".join(form.format(limit) for form, limit in plain.items())

    @property
    def is_of_work_alone(self) -> bool:
        """Whether work is limited and nothing else."""
        return self.max_work is not None and self == Budget(max_work=self.max_work)

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self != Budget()

    def limit_reached(self, spent: Spent, *, next_seconds: float = 0.0, next_work: float = 0.0) -> str | None:
        """The limit that is reached, in words; None if none is.

        Args:
            spent: the sums so far.
            next_seconds: expected time of the next step. A run stops if half of it would exceed the limit.
            next_work: expected work of the next step. A run stops if it would exceed the limit.
        """
        if self.max_seconds is not None and spent.seconds + next_seconds / 2 >= self.max_seconds:
            return self.limits["max_seconds"]
        if self.min_coverage is not None and spent.coverage >= self.min_coverage:
            return self.limits["min_coverage"]
        if self.max_masks is not None and spent.n_masks >= self.max_masks:
            return self.limits["max_masks"]
        if self.max_work is not None and spent.work + next_work > self.max_work:
            return self.limits["max_work"]
        return None


def _limit(part: str, given: str) -> tuple[str, float]:
    wrong = SettingsError(f"{given} cannot be read at {part!r}: {_EXPECTED}")
    if time := re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", part):
        name, value = "seconds", float(time[1]) * _SECONDS[time[2]]
    elif share := re.fullmatch(r"coverage=(\d*\.?\d+)", part):
        name, value = "coverage", float(share[1])
    elif count := re.fullmatch(r"masks=(\d+)", part):
        name, value = "masks", float(count[1])
    elif passes := re.fullmatch(r"work=(\d+(?:\.\d+)?)", part):
        name, value = "work", float(passes[1])
    else:
        raise wrong
    if value <= 0 or (name == "coverage" and value > 1):
        raise SettingsError(f"{given}: {part!r} is out of range: limits are above 0, coverage at most 1")
    return name, value

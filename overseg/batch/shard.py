"""Shards: a folder of videos split among jobs that do not talk to each other."""

import hashlib
import re
from dataclasses import dataclass

from overseg.errors import SettingsError


@dataclass(frozen=True)
class Shard:
    """One of n equal parts of a batch.

    Attributes:
        index: from 0.
        n: number of parts.
    """

    index: int
    n: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read a shard as on the command line.

        >>> Shard.parse("0/3")
        Shard(index=0, n=3)

        Raises:
            SettingsError: the text is not of this form, or there is no such part.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found or int(found[1]) >= int(found[2]):
            raise SettingsError(f"--shard takes i/n with i from 0 to n - 1, such as 0/3, not {text!r}")
        return cls(int(found[1]), int(found[2]))

    def has(self, name: str) -> bool:
        """Whether the video of this name is in this part; each is in exactly one, on every machine the same."""
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % self.n == self.index

    def __str__(self) -> str:
        return f"{self.index}-of-{self.n}"

"""What models run on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """What models run on. It changes how long a run takes and how much memory it needs, not what it is asked to do.

    Attributes:
        device: "cpu", "cuda", "cuda:1", "mps".
        feature_cache_bytes: host memory for image features that a propagator keeps.
    """

    device: str = "cpu"
    feature_cache_bytes: int = 4 << 30

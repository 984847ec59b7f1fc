"""Everything that decides the result of following prompted objects, besides the video and the prompts."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from overseg.data.settings import Settings, SharedSettings, check_range
from overseg.errors import SettingsError

FOLLOWERS = ("sam2", "flow")


@dataclass(frozen=True, kw_only=True)
class TrackSettings(SharedSettings):
    """Settings of `overseg track`, besides those of `SharedSettings`.

    Attributes:
        propagator: how masks are propagated: "sam2", which takes points and boxes itself, or "flow".
        mask_threshold: masks lie where SAM's logits are above this.
        step: where the propagator takes masks alone, SAM is asked again for what was propagated after so many frames; 0
            never asks again.
        subsequence: what is remembered of objects ends after so many frames, and a detector looks for them again; None
            remembers over the whole video, or 100 frames with a detector.
        confidence: a detection prompts where it is surer than this, in [0, 1].
        min_area_px: a mask smaller than this, in pixels of the processed frame, counts as gone.
    """

    propagator: str = "flow"
    mask_threshold: float = 0.0
    step: int = 5
    subsequence: int | None = None
    confidence: float = 0.9
    min_area_px: int = 1

    def __post_init__(self) -> None:
        """Refuse values that cannot be; SettingsError names the option, what it takes and what came."""
        _check(asdict(self))

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> "TrackSettings":
        """Settings from values of any type, as they come out of a file; SettingsError where one cannot be."""
        _check({f.name: f.default for f in fields(cls)} | options)
        return cls(**options)

    def of_stages(self) -> Settings:
        """The same as settings of a run, to choose and build stages by."""
        return _of_stages(asdict(self))


def _of_stages(values: dict[str, Any]) -> Settings:
    known = set(Settings.names()) - {"step"}  # which is another one there
    return Settings.from_options({name: value for name, value in values.items() if name in known})


def _check(values: dict[str, Any]) -> None:
    if values["propagator"] not in FOLLOWERS:
        raise SettingsError(f"--propagator is one of {', '.join(FOLLOWERS)} here, not {values['propagator']!r}")
    _of_stages(values)
    check_range("mask_threshold", values["mask_threshold"], float, -100, 100)
    check_range("step", values["step"], int, 0, None)
    check_range("confidence", values["confidence"], float, 0, 1)
    if values["subsequence"] is not None:
        check_range("subsequence", values["subsequence"], int, 1, None)

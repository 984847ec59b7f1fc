"""From the masks of a store, known on some frames, to tracks through the whole video: `overseg.run(from_store=...)`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.shared import name_of_input
from overseg.data.setting import option
from overseg.data.track_settings import TrackSettings
from overseg.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np

    from overseg.api.result import Result
    from overseg.stages import Report


def continue_store(
    from_store: str | Path,
    input: "str | Path | Iterable[np.ndarray]",
    output: str | Path,
    *,
    device: str,
    feature_cache: str | int | None,
    render: Sequence[str | Path],
    overwrite: bool,
    report: "Report | None",
    without_effect: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> "Result":
    """Take the masks of a store as known on their frames, and propagate them to all others.

    Every track of the store is an object that is prompted with its mask on each of its frames. `step` is 0 where it is
    not given: masks are propagated and not located again by a model.

    Args:
        from_store: made by `import` of what was corrected in another tool, or by any other command.
        input, output, device, feature_cache, render, overwrite, report: as in `overseg.run`.
        without_effect: other arguments of `overseg.run`, by name, which mean nothing here; refused if they are given.
        changes: settings that differ from their defaults.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.api.track import track
    from overseg.output.render import check_destination, render_result

    others = [name for name in changes if name not in TrackSettings.names()]
    others += [name for name, value in without_effect.items() if value is not None]
    if others:
        raise SettingsError(f"{option(others[0])} has no effect with --from, which makes no new masks: leave it out")
    for destination in render:
        check_destination(destination, name_of_input(input))
    chosen = {"step": 0, **changes}
    result = track(
        input,
        output,
        prompts=from_store,
        device=device,
        feature_cache=feature_cache,
        overwrite=overwrite,
        report=report,
        **chosen,
    )
    for destination in render:
        render_result(result, destination, report=report)
    return result

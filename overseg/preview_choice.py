"""Which of its two ways the preset `preview` goes: with a small SAM whose weights are here, or without weights."""

from collections.abc import Mapping
from typing import Any

from overseg.adapters import GENERATORS
from overseg.errors import WeightsError
from overseg.weights import catalogue, missing_files

WITH_WEIGHTS, WITHOUT_WEIGHTS = "preview", "no-weights"


def way_of_preview(weights: str, changes: Mapping[str, Any], begun_with: str | None) -> tuple[str, str]:
    """The preset whose values a preview has, and why; nothing is fetched.

    Args:
        weights: name of the checkpoint that it takes where that is here.
        changes: settings that were given by name. A generator among them decides, and weights do.
        begun_with: the generator of a store that is continued, which decides otherwise; None for a new one.

    Raises:
        WeightsError: the store was begun with these weights, and they are not here any more.
    """
    generator = changes.get("generator")
    if generator is not None:
        prompted = [name for name, adapter in GENERATORS.items() if adapter.is_prompted]
        return WITH_WEIGHTS if generator in prompted else WITHOUT_WEIGHTS, "as asked"
    if changes.get("weights"):
        return WITH_WEIGHTS, "as asked"
    checkpoint = catalogue()[weights]
    are_here = not missing_files(checkpoint)
    fetch = f"`overseg weights fetch {weights}` ({checkpoint.size_bytes / 1e6:.0f} MB)"
    if begun_with == "hierarchy":
        first = "" if are_here else f"{fetch}, and "
        return WITHOUT_WEIGHTS, f"as the store was begun; {first}--overwrite begins again with {weights}"
    if are_here:
        return WITH_WEIGHTS, f"the weights of {weights} are here; --preset fast finds more and takes longer"
    if begun_with == "sam1":
        raise WeightsError(
            f"expected the weights of {weights}, with which the store was begun, and they are not here any more: run "
            f"{fetch} to go on, or use --overwrite to begin again without weights"
        )
    return WITHOUT_WEIGHTS, f"the weights of {weights} are not here: {fetch} makes later previews better"

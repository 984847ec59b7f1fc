"""Which tracks and frames are written: the options that `overseg.export` and `overseg.render` share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from overseg.api.arguments import checked_arguments
from overseg.errors import SettingsError, did_you_mean

if TYPE_CHECKING:
    from overseg.data.filters import Filters


class FilterChanges(TypedDict, total=False):
    """The fields of `overseg.data.filters.Filters` that differ from their defaults; see there."""

    min_length: int
    min_area_px: float
    min_score: float
    sam_output: str | None
    start: int
    end: int | None
    ids: tuple[int, ...] | None
    new_only: bool
    wholes: bool


def filters_of(changes: Mapping[str, Any]) -> "Filters":
    """The filters with these changes; SettingsError for one that does not exist, or has a wrong type."""
    from overseg.data.filters import Filters

    names = FilterChanges.__annotations__
    for name in changes:
        if name not in names:
            hint = did_you_mean(name, names) or f": expected some of {', '.join(names)}"
            raise SettingsError(f"there is no option {name!r}{hint}")
    ids = changes.get("ids")
    known = dict(changes) if ids is None else {**changes, "ids": tuple(ids)}
    return checked_arguments(Filters)(**known)

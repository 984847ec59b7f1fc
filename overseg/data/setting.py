"""How a setting is declared: one field that says its type, default, range, help and users. All else follows from it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from overseg.errors import SettingsError, did_you_mean

_DECLARED = "setting"


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What the field of a setting says besides its type and default.

    Attributes:
        help: what it means, with its unit, in one sentence; `--help` adds the default.
        group: the heading that it stands under in `--help`.
        low, high: least and largest number, both included; None for no limit.
        multiple_of: it is a multiple of this.
        choices: returns the words that it may be.
        word: a word that may stand in place of a number, such as "auto".
        metavar: what `--help` writes in place of a value.
        shown_default: the default in words, where it depends on other settings.
        used_by: names of the adapters that use it, see `overseg.adapters`; none where every run does.
        used_in: the stage whose adapters `used_by` names; None where those of all stages are meant.
        when: another setting and the value of it with which this one is used.
        old_names: what it was called before; these names still work and print the new one.
        stored_as: what a store calls it, where that is another name.
    """

    help: str
    group: str = ""
    low: float | None = None
    high: float | None = None
    multiple_of: int | None = None
    choices: Callable[[], Iterable[str]] | None = None
    word: str | None = None
    metavar: str | None = None
    shown_default: str | None = None
    used_by: tuple[str, ...] = ()
    used_in: str | None = None
    when: tuple[str, Any] | None = None
    old_names: tuple[str, ...] = ()
    stored_as: str | None = None


def setting(default: Any, help: str, **more: Any) -> Any:
    """A field of a class of settings.

    Example:
        >>> @dataclass(frozen=True)
        ... class Speeds:
        ...     step: int = setting(5, "frames from one keyframe to the next", low=1)
        >>> Speeds().step, settings_of(Speeds)["step"].option
        (5, '--step')

    Args:
        default: its value where nobody gives one.
        help: what it means.
        more: other attributes of `Declaration`.
    """
    return field(default=default, metadata={_DECLARED: Declaration(help=help, **more)})


@dataclass(frozen=True, kw_only=True)
class Setting(Declaration):
    """A setting as its field declares it.

    Attributes:
        name: of the field.
        kind: int, float, bool or str.
        is_optional: whether it may be None.
        default: its value where nobody gives one.
    """

    name: str
    kind: type
    is_optional: bool
    default: Any

    @property
    def option(self) -> str:
        """The spelling on the command line."""
        return option(self.name)

    def is_given(self, value: Any) -> bool:
        """Whether a value asks for anything: None does not, nor does switching off what is off."""
        return value is not None and not (value is False and self.default is False)

    def check(self, value: Any) -> None:
        """Refuse a value of another type or out of range.

        Raises:
            SettingsError: names the option, what it takes and what came.
        """
        if (value is None and self.is_optional) or (self.word is not None and value == self.word):
            return
        if self.choices is not None:
            words = tuple(self.choices())
            if value not in words:
                raise SettingsError(
                    f"{self.option} is one of {', '.join(words)}, not {value!r}{did_you_mean(value, words)}"
                )
        elif self.kind is str:
            if not isinstance(value, str):
                raise SettingsError(f"{self.option} takes a name or a path, not {value!r}")
        elif self.kind is bool:
            if not isinstance(value, bool):
                raise SettingsError(f"{self.option} is on or off, true or false in a file, not {value!r}")
        else:
            check_range(self.name, value, self.kind, self.low, self.high, word=self.word)
            self._check_multiple(value)

    def _check_multiple(self, value: float) -> None:
        if self.multiple_of is not None and value % self.multiple_of:
            nearest = round(value / self.multiple_of) * self.multiple_of
            raise SettingsError(f"{self.option} takes a multiple of {self.multiple_of}, not {value}: try {nearest}")


def settings_of(cls: type) -> Mapping[str, Setting]:
    """The settings that a class declares, by name, in the order of its fields."""
    hints = get_type_hints(cls)
    return {f.name: _as_declared(f.name, hints[f.name], f.default, f.metadata[_DECLARED]) for f in fields(cls)}


def _as_declared(name: str, hint: Any, default: Any, declared: Declaration) -> Setting:
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    is_optional = NoneType in get_args(hint)
    return Setting(name=name, kind=kinds[0], is_optional=is_optional, default=default, **vars(declared))


def check_settings(cls: type, values: Mapping[str, Any]) -> None:
    """Refuse values that cannot be; `values` has one for each setting of the class.

    Raises:
        SettingsError: names the option, what it takes and what came.
    """
    for one in settings_of(cls).values():
        one.check(values[one.name])


def current_names(cls: type) -> dict[str, str]:
    """The current names of settings that had other names before, by the old name."""
    return {old: one.name for one in settings_of(cls).values() for old in one.old_names}


def stored_names(cls: type) -> dict[str, str]:
    """The names that stores have for settings with another name there, by the setting."""
    return {one.name: one.stored_as for one in settings_of(cls).values() if one.stored_as}


def option(name: str) -> str:
    """The spelling of a setting on the command line.

    >>> option("points_per_side"), option("min_area_px")
    ('--points-per-side', '--min-area')
    """
    return f"--{name.removesuffix('_px').replace('_', '-')}"


def check_range(
    name: str, value: Any, kind: type, low: float | None, high: float | None, *, word: str | None = None
) -> None:
    """Refuse a value that is no number of this kind, or outside of [low, high]; the message names `word`, too.

    Raises:
        SettingsError: names the option, what it takes and what came.
    """
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    fits = is_whole if kind is int else is_whole or isinstance(value, float)
    is_inside = fits and (low is None or value >= low) and (high is None or value <= high) and value == value  # no NaN
    if not is_inside:
        number = "a whole number" if kind is int else "a number"
        others = "" if word is None else f", or {word}"
        raise SettingsError(f"{option(name)} takes {number}{_span(low, high)}{others}, not {value!r}")


def _span(low: float | None, high: float | None) -> str:
    if low is None:
        return "" if high is None else f" of at most {high:g}"
    return f" of at least {low:g}" if high is None else f" from {low:g} to {high:g}"

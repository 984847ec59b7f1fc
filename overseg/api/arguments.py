"""Arguments of a wrong type give one line in place of a traceback from deep inside."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from overseg.errors import SettingsError, did_you_mean

Function = TypeVar("Function", bound=Callable[..., Any])

_KNOWN: dict[str, tuple[type, str]] = {  # by the name in an annotation: what it accepts, and what a message calls it
    "str": (str, "text"),
    "Path": (Path, "a path"),
    "bool": (bool, "True or False"),
    "int": (Integral, "a whole number"),
    "float": (Real, "a number"),
    "Sequence": (Sequence, "a list"),
    "tuple": (Sequence, "a list"),
    "Iterable": (Iterable, "frames"),
    "Mapping": (Mapping, "a dictionary"),
    "None": (type(None), "None"),
}
_ANYTHING = "Report", "Any", "object"  # interfaces that a caller's own class may have
_LONGEST = 60


def checked_arguments(function: Function) -> Function:
    """The function with a check of its arguments against its annotations.

    Example:
        >>> @checked_arguments
        ... def drawn(path: str | Path, *, every: int = 1) -> None: ...
        >>> drawn(7)
        Traceback (most recent call last):
        ...
        overseg.errors.SettingsError: drawn(): expected path to be text or a path, got 7
        >>> drawn("out.mp4", every=2)

    A plain annotation is checked, and the outside of one such as `Sequence[str]`. Classes are compared by name, so that
    annotations may name classes that are imported for type checkers alone.
    """
    wanted: dict[str, list[str]] = {}

    @functools.wraps(function)
    def checked(*arguments: Any, **options: Any) -> Any:
        signature = inspect.signature(function)
        if not wanted:
            wanted.update({name: _names_in(one.annotation) for name, one in signature.parameters.items()})
        _refuse_misspelt(options, function, signature)
        for name, value in signature.bind(*arguments, **options).arguments.items():
            if signature.parameters[name].kind is not inspect.Parameter.VAR_KEYWORD:
                _check(f"{function.__name__}()", name, wanted[name], value)
        return function(*arguments, **options)

    return cast(Function, checked)


def _refuse_misspelt(options: Mapping[str, Any], function: Callable[..., Any], signature: inspect.Signature) -> None:
    """Refuse a name that is no argument; of a function with settings, one that is most like an argument.

    Such a function itself refuses other names that it does not know.
    """
    names = list(signature.parameters)
    if signature.parameters[names[-1]].kind is not inspect.Parameter.VAR_KEYWORD:
        if unknown := [name for name in options if name not in names]:
            hint = did_you_mean(unknown[0], names) or f": expected some of {', '.join(names)}"
            raise SettingsError(f"{function.__name__}(): there is no argument {unknown[0]!r}{hint}")
        return
    settings = get_args(signature.parameters[names[-1]].annotation)  # of Unpack[SettingsChanges]
    if not settings:
        return
    known = settings[0].__annotations__
    for name in options.keys() - names - known.keys():
        hint = did_you_mean(name, [*names, *known])
        if hint and hint == did_you_mean(name, names):
            raise SettingsError(f"{function.__name__}(): there is no argument {name!r}{hint}")


def _names_in(annotation: Any) -> list[str]:
    """The names of the classes in an annotation: `"str | Sequence[int] | None"` has str, Sequence and None."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    while "[" in text:
        start = text.rindex("[")
        text = text[:start] + text[text.index("]", start) + 1 :]
    return [name.strip().rpartition(".")[2] for name in text.split("|")]


def _check(function: str, name: str, wanted: list[str], value: Any) -> None:
    if any(one in _ANYTHING or _is_a(value, one) for one in wanted):
        return
    words = [_KNOWN[one][1] if one in _KNOWN else f"a {one}" for one in wanted]
    expected = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    shown = " ".join(repr(value).split())
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
    raise SettingsError(f"{function}: expected {name} to be {expected}, got {shown}")


def _is_a(value: Any, name: str) -> bool:
    if name in _KNOWN:
        return isinstance(value, _KNOWN[name][0]) and (name == "bool" or not isinstance(value, bool))
    return any(cls.__name__ == name for cls in type(value).__mro__)

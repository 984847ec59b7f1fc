"""Old names of public attributes, methods and options. They work for one more version, and warn."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Renamed:
    """The old name of an attribute or method, as a class attribute.

    Example:
        >>> class Tree:
        ...     depth = 3
        ...     level = Renamed("depth")
        >>> Tree().level  # with a DeprecationWarning: "Tree.level is now called depth"
        3
    """

    def __init__(self, new: str) -> None:
        """`new` is the name of the attribute or method in the same class."""
        self._new, self._old = new, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._old = f"{owner.__name__}.{name}"

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        _warn(self._old, self._new)
        return getattr(instance, self._new)


def renamed_option(old: str, new: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function take a keyword argument under its old name too."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def wrapper(*args: P.args, **options: P.kwargs) -> R:
            if old in options:
                _warn(f"the option {old} of {function.__name__}", new)
                if new in options:
                    raise TypeError(f"{function.__name__}() got {new}, and again as {old}, its old name")
                options[new] = options.pop(old)
            return function(*args, **options)

        return wrapper

    return decorate


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is now called {new}; the old name will be removed", DeprecationWarning, stacklevel=3)

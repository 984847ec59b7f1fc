"""Prompts as a Python program gives them: `Box("cup", 120, 80, 260, 300)`."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool

from overseg.data.rles import Rles
from overseg.data.track_names import check_name
from overseg.errors import InputError, SettingsError
from overseg.prompts.objects import Pointed
from overseg.prompts.words import parse_masks

_BOX_EXAMPLE = 'Box("cup", 120, 80, 260, 300)'

Given = TypeVar("Given")


@dataclass(frozen=True)
class Box:
    """A box around an object, in pixels of the input's pictures.

    Example:
        >>> Box("cup", 120, 80, 260, 300)
        Box(name='cup', x1=120, y1=80, x2=260, y2=300)

    Attributes:
        name: of the object.
        x1, y1: left and top.
        x2, y2: right and bottom.
    """

    name: str
    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        """Refuse what is no name, and what is no number; SettingsError and InputError say what was expected."""
        _check_numbers("Box", _BOX_EXAMPLE, (self.x1, self.y1, self.x2, self.y2))
        if not (self.x1 < self.x2 and self.y1 < self.y2):
            corners = f"{self.x1},{self.y1},{self.x2},{self.y2}"
            raise InputError(f"Box: expected x1 < x2 and y1 < y2 as in {_BOX_EXAMPLE}, got {corners}")
        check_name(self.name, place="Box")

    def pointed(self) -> Pointed:
        """The prompt for the object."""
        return Pointed(self.name.strip(), str(self), box_xyxy=(self.x1, self.y1, self.x2, self.y2))


@dataclass(frozen=True)
class Point:
    """A point on an object, or beside it, in pixels of the input's pictures.

    Example:
        >>> Point("spoon", 400, 310), Point("spoon", 10, 20, label=0).pointed().points
        (Point(name='spoon', x=400, y=310, label=1), ((10, 20, 0),))

    Attributes:
        name: of the object.
        x, y: x to the right, y down.
        label: 1 on the object, 0 beside it.
    """

    name: str
    x: float
    y: float
    label: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no name, and what is no number; SettingsError and InputError say what was expected."""
        _check_numbers("Point", 'Point("spoon", 400, 310)', (self.x, self.y))
        check_name(self.name, place="Point")
        if self.label not in (0, 1):
            raise SettingsError(f"Point: expected the label 1 (on the object) or 0 (beside it), got {self.label!r}")

    def pointed(self) -> Pointed:
        """The prompt for the object."""
        return Pointed(self.name.strip(), str(self), points=((self.x, self.y, int(self.label)),))


@dataclass(frozen=True)
class Mask:
    """The mask of an object on the prompt frame.

    Example:
        >>> Mask("cup", np.ones((480, 854), bool)).pointed((480, 854))[0].mask.area_px().tolist()
        [409920]

    Attributes:
        name: of the object.
        mask: bool [h, w] of the size of the input's pictures, or the path of a picture that is black beside it.
    """

    name: str
    mask: "str | Path | Bool[np.ndarray, 'h w']"

    def __post_init__(self) -> None:
        """Refuse what is no name, and what is no mask; SettingsError and InputError say what was expected."""
        check_name(self.name, place="Mask")
        is_array = isinstance(self.mask, np.ndarray) and self.mask.ndim == 2 and self.mask.dtype == bool
        if not is_array and not isinstance(self.mask, str | Path):
            found = f"{self.mask.dtype} {self.mask.shape}" if isinstance(self.mask, np.ndarray) else repr(self.mask)
            raise SettingsError(f"Mask: expected a path, or an array of bool [height, width], got {found}")

    def pointed(self, size: tuple[int, int]) -> list[Pointed]:
        """The prompts for the object, or for each object in a picture of several; see `parse_masks`."""
        if isinstance(self.mask, np.ndarray):
            return [Pointed(self.name.strip(), f"Mask of {self.name}", mask=Rles.from_masks(self.mask[None]))]
        return parse_masks(f"{self.name}:{self.mask}", size)


def given_list(value: Any, cls: type[Given]) -> list[Given | str]:
    """The prompts that were given for one argument; one alone counts as a list of one.

    Args:
        value: prompts of the class, or texts as on the command line.
        cls: Box, Point or Mask.

    Raises:
        SettingsError: one is neither.
    """
    values = [value] if isinstance(value, str | cls) else value
    if not isinstance(values, Sequence):
        raise SettingsError(f"expected a {cls.__name__} or a list of them, got {values!r}")
    for one in values:
        if not isinstance(one, str | cls):
            raise SettingsError(f"expected a {cls.__name__}, or its text as on the command line, got {one!r}")
    return list(values)


def _check_numbers(name: str, example: str, values: tuple[object, ...]) -> None:
    for value in values:
        if type(value) is bool or not isinstance(value, Real) or value != value:
            raise SettingsError(f"{name}: expected numbers as in {example}, got {value!r}")

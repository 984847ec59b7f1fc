"""Annotations of the package are checked while it is tested."""

import sys
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from typechecker import check_annotations

from overseg.data.budget import Budget
from overseg.data.rles import Rles

MODULE = """
from dataclasses import dataclass
from jaxtyping import Float
import numpy as np

@dataclass(frozen=True)
class Table:
    rows: Float[np.ndarray, "n 2"]
    weights: Float[np.ndarray, " n"]

    @property
    def later(self) -> "Later":
        return self.rows

class Later:
    pass

def summed(one: Float[np.ndarray, "n d"], other: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    return (one + other).sum(axis=1)

def turned(one: Float[np.ndarray, "a b"]) -> Float[np.ndarray, "b a"]:
    return one

def either(one: Float[np.ndarray, "a a"] | Float[np.ndarray, "a 2"], other: Float[np.ndarray, " a"]) -> float:
    return one.sum()

def any_size(one: Float[np.ndarray, "_ n"], other: Float[np.ndarray, "_ n"]) -> Float[np.ndarray, "... n"]:
    return one

def unknown(one: "NotImported") -> float:
    return one
"""


def test_types_and_shapes(tmp_path, monkeypatch):
    (tmp_path / "annotated.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    check_annotations("annotated")
    import annotated

    ones = np.ones((3, 2))
    assert annotated.summed(ones, ones).tolist() == [4, 4, 4]
    assert annotated.turned(np.ones((2, 2))).shape == (2, 2)
    assert annotated.either(ones, np.ones(3)) == 6
    assert annotated.either(np.ones((2, 2)), np.ones(2)) == 4
    assert annotated.any_size(ones, np.ones((5, 2))).shape == (3, 2)
    assert annotated.unknown(1) == 1
    table = annotated.Table(ones, np.ones(3))
    for wrong in (
        lambda: annotated.either(ones, np.ones(2)),
        lambda: annotated.either(np.ones((3, 4)), np.ones(3)),
        lambda: annotated.any_size(ones, np.ones((3, 3))),
        lambda: annotated.any_size(ones, np.ones((3, 2, 1))),
        lambda: annotated.any_size(ones, np.ones((3, 2), np.float16)) + annotated.summed(ones, np.ones((3, 2), bool)),
        lambda: annotated.summed(ones, np.ones((2, 2))),
        lambda: annotated.summed(ones, ones.astype(int)),
        lambda: annotated.summed(ones, ones.tolist()),
        lambda: annotated.turned(ones),
        lambda: annotated.unknown("x"),
        lambda: annotated.Table(ones, np.ones(2)),
        lambda: table.later,
    ):
        with pytest.raises(BeartypeCallHintViolation):
            wrong()


NESTED = """
from collections.abc import Callable

def adding(n: int) -> Callable[[int], int]:
    def added(x: int) -> int:
        return x + n if x != 7 else "seven"
    return added

def plain(n):
    def same(x):
        return n, x
    return same
"""


def test_each_nested_function_is_checked_and_has_its_own_variables(tmp_path, monkeypatch):
    (tmp_path / "nested.py").write_text(NESTED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    check_annotations("nested")
    import nested

    for n in range(3):
        added = nested.adding(n)
        assert [added(1), added(2)] == [n + 1, n + 2]
        for wrong in ("1", 7):
            with pytest.raises(BeartypeCallHintViolation):
                added(wrong)
        assert nested.plain(n)(1) == (n, 1)


@runtime_checkable
class Named(Protocol):
    @property
    def name(self) -> str: ...

    def called(self) -> str: ...


class OfClass:
    name = "a"

    def called(self) -> str:
        return self.name


@dataclass
class Field:
    name: str

    def called(self) -> str:
        return self.name


class Sometimes:
    def __init__(self, *, has_name: bool) -> None:
        if has_name:
            self.name = "a"

    def called(self) -> str:
        return self.name


def test_objects_of_a_class_that_has_not_all_members_of_a_protocol_are_checked_one_by_one():
    for _ in range(2):
        assert isinstance(OfClass(), Named) and isinstance(Field("a"), Named)
        assert [isinstance(Sometimes(has_name=one), Named) for one in (True, False)] == [True, False]
        assert not isinstance(3, Named)


def test_the_package_is_checked():
    with pytest.raises(BeartypeCallHintViolation):
        Rles.from_masks(np.zeros((2, 3), bool))
    with pytest.raises(BeartypeCallHintViolation):
        Budget(max_masks="3")

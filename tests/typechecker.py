"""Checks every annotation of a package while it is tested: types by beartype, shapes of arrays by jaxtyping.

jaxtyping's own import hook does the same checks, but binds and checks the arguments of each call two to three times.
That doubled the duration of the tests.
"""

import ast
import dataclasses
import functools
import inspect
import marshal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import cache_from_source, decode_source, source_hash
from pathlib import Path
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any, get_args, get_type_hints

from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray
from jaxtyping._storage import pop_shape_memo, push_shape_memo
from quick_protocols import check_protocols_quickly
from quick_shapes import check_shapes_quickly

_CHECKED = "_checked_while_testing"
_CHECKED_CODE = f"checked{source_hash(Path(__file__).read_bytes()).hex()}"
"""Ends the names of files of compiled code, which is other code once this module changes."""
# An int is accepted where a float is annotated, as everywhere in Python.
_check_types = beartype(conf=BeartypeConf(is_pep484_tower=True))
_checks: dict[int, tuple[Any, bool]] = {}  # by the id of the code of a function, which they keep


def check_annotations(package: str) -> None:
    """Check the annotations of each module of the package that is imported from now on."""
    check_shapes_quickly()
    check_protocols_quickly()
    sys.meta_path.insert(0, _Finder(package))


def checked(thing: Any) -> Any:
    """Return a function that checks its arguments and its result, or a class; a dataclass checks its fields."""
    if isinstance(thing, FunctionType):
        return _checked_function(thing)
    if dataclasses.is_dataclass(thing) and "__init__" in vars(thing):
        thing.__init__ = _checked_function(thing.__init__)  # type: ignore[misc]
    return thing


def _checked_function(function: FunctionType) -> Any:
    """Return the function with its checks, which are made at the first call: most functions are not called."""
    check: Callable[..., Any] | None = None
    has_shapes = False

    @functools.wraps(function)
    def with_checks(*arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        nonlocal check, has_shapes
        if check is None:
            check, has_shapes = _check_of(function)
        if not has_shapes:
            return check(*arguments, **options)
        push_shape_memo({})  # within one call, a dimension has one size
        try:
            return check(*arguments, **options)
        finally:
            pop_shape_memo()

    return with_checks


def _check_of(function: FunctionType) -> tuple[Callable[..., Any], bool]:
    """Return the function with its checks, and whether it has shapes.

    The checks of a nested function are written once: each call of the outer function makes the nested one again.
    """
    key = id(function.__code__)  # equal code may be of another module
    if key not in _checks:
        function.__annotations__ = {name: _hint(hint, function) for name, hint in function.__annotations__.items()}
        _checks[key] = _check_types(function), any(map(_has_shape, function.__annotations__.values()))
    check, has_shapes = _checks[key]
    return _checking(check, function), has_shapes


def _checking(check: FunctionType, function: FunctionType) -> Callable[..., Any]:
    """Return the checks that beartype wrote for a function, for another one of the same code."""
    checked_one = (check.__kwdefaults__ or {}).get("__beartype_func")
    if checked_one is None or checked_one is function:  # it has nothing to check, or was just written
        return function if checked_one is None else check
    again = FunctionType(check.__code__, check.__globals__, check.__name__, check.__defaults__, check.__closure__)
    again.__kwdefaults__ = check.__kwdefaults__ | {"__beartype_func": function}
    return again


def _hint(hint: Any, function: FunctionType) -> Any:
    """Return an annotation without strings, or Any where it names what is imported for the type checker alone."""
    try:
        written = SimpleNamespace(__annotations__={"hint": hint})
        return get_type_hints(written, function.__globals__, include_extras=True)["hint"]
    except NameError:
        return Any


def _has_shape(hint: Any) -> bool:
    return (inspect.isclass(hint) and issubclass(hint, AbstractArray)) or any(map(_has_shape, get_args(hint)))


class _Finder(MetaPathFinder):
    """Finds the modules of the package as usual, and has them loaded by `_Loader`."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] != self._package:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Decorates every function and class of a module with `checked`."""

    def get_code(self, fullname: str) -> CodeType:
        """Return the code that an earlier process compiled from the same source, else compile it and keep it."""
        path = self.get_filename(fullname)
        source, kept_at = self.get_data(path), cache_from_source(path, optimization=_CHECKED_CODE)
        digest = source_hash(path.encode() + source)
        with suppress(OSError):
            kept = self.get_data(kept_at)
            if kept.startswith(digest):
                return marshal.loads(kept[len(digest) :])
        tree = ast.fix_missing_locations(_Decorating().visit(ast.parse(decode_source(source), path)))
        code = compile(tree, path, "exec", dont_inherit=True)
        self.set_data(kept_at, digest + marshal.dumps(code))
        return code

    def exec_module(self, module: ModuleType) -> None:
        vars(module)[_CHECKED] = checked
        super().exec_module(module)


class _Decorating(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list.append(_decorator(node))  # the first that is applied: others may drop the annotations
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list.insert(0, _decorator(node))  # the last: `dataclass` makes the __init__ that is checked
        return self.generic_visit(node)


def _decorator(node: ast.stmt) -> ast.Name:
    return ast.copy_location(ast.Name(_CHECKED, ast.Load()), node)

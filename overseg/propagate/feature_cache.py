"""A least-recently-used cache whose size is counted in bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class FeatureCache(Generic[Value]):
    """Keeps values while they take at most `max_bytes` together, and drops the least recently used first.

    Threads may share it.

    Example:
        >>> cache = FeatureCache[bytes](max_bytes=8, n_bytes=len)
        >>> cache.put("a", b"12345")
        >>> cache.put("b", b"1234")
        >>> cache.get("a"), cache.get("b")
        (None, b'1234')
    """

    def __init__(self, *, max_bytes: int, n_bytes: Callable[[Value], int]) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = n_bytes
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._used_bytes = 0
        self._lock = Lock()

    @property
    def used_bytes(self) -> int:
        """Bytes of all values, never more than `max_bytes`."""
        return self._used_bytes

    def has_room_for(self, value: Value) -> bool:
        """Whether `put` would keep the value."""
        return self._n_bytes(value) <= self._max_bytes

    def get(self, key: Hashable) -> Value | None:
        """The value of `key`; None where it was never put, or was dropped."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Hashable, value: Value) -> None:
        """Keep `value`, and drop others to make room. A value larger than the whole cache is not kept."""
        n_bytes = self._n_bytes(value)
        with self._lock:
            self._drop(key)
            if not self.has_room_for(value):
                return
            while self._used_bytes + n_bytes > self._max_bytes:
                self._drop(next(iter(self._values)))
            self._values[key] = value
            self._used_bytes += n_bytes

    def _drop(self, key: Hashable) -> None:
        if key in self._values:
            self._used_bytes -= self._n_bytes(self._values.pop(key))

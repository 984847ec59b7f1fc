"""What most tests compute again, computed once in each process: optical flow, segments, and passes of ONNX models.

They depend on their settings, their arguments and perhaps the number of threads alone; `test_remembered.py` checks it.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256  # processors have instructions for it: half the time of blake2b
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import onnxruntime
import skimage.segmentation

Arrays = tuple[Any, ...]  # of NumPy or torch


class Memory:
    """Arrays or tensors by the key of what they were computed from; those used last are kept."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._found: OrderedDict[Any, Arrays] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Any, compute: Callable[[], Arrays]) -> Arrays:
        """Return copies, or what is computed where nothing is kept."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return _copied(self._found[key])
        found = compute()
        if _n_bytes(found) <= self._most_bytes // 50:
            with self._lock:
                self._found[key] = _copied(found)
                while sum(map(_n_bytes, self._found.values())) > self._most_bytes:
                    self._found.popitem(last=False)
        return found

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._found.clear()


_flows, _passes, _segments = Memory(1 << 27), Memory(1 << 28), Memory(1 << 27)


def forget() -> None:
    """Have all computed again, in the same sessions."""
    for memory in (_flows, _passes, _segments):
        memory.clear()


class RememberedFlow:
    """OpenCV's DISOpticalFlow."""

    original = cv2.DISOpticalFlow

    def __init__(self, preset: int) -> None:
        self._flow = self.original.create(preset)
        self._settings: dict[str, tuple[Any, ...]] = {"create": (preset,)}

    @classmethod
    def create(cls, preset: int = cv2.DISOPTICAL_FLOW_PRESET_FAST) -> "RememberedFlow":
        return cls(preset)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._flow, name)
        if not name.startswith("set"):
            return method

        def remembered(*value: Any) -> None:
            method(*value)
            self._settings[name] = value

        return remembered

    def calc(self, one: np.ndarray, other: np.ndarray, flow: np.ndarray | None) -> np.ndarray:
        key = (cv2.getNumThreads(), *sorted(self._settings.items()), *map(digest, (one, other, flow)))
        return _flows.get(key, lambda: (self._flow.calc(one, other, flow),))[0]


_SESSIONS_KEPT = 12  # of 30 to 60 MB; to set one up takes as long as its pass through a small picture
_sessions: OrderedDict[Any, dict[str, Any]] = OrderedDict()  # their attributes, by model and options
_unusable: list[Any] = []  # sessions of the process that this one was forked from; to end them would wait for ever


def _begin_anew() -> None:
    """In a forked process, which has none of the threads that a session has started."""
    global _sessions
    _unusable.append(_sessions)
    _sessions = OrderedDict()


os.register_at_fork(after_in_child=_begin_anew)


class RememberedSession(onnxruntime.InferenceSession):
    """onnxruntime's session of a model; it is set up once."""

    def __init__(
        self, path_or_bytes: str | bytes, sess_options: onnxruntime.SessionOptions | None = None, **others: Any
    ) -> None:
        model = path_or_bytes if isinstance(path_or_bytes, bytes) else _read(path_or_bytes)
        self._key = (sha256(model).digest(), sess_options and sess_options.intra_op_num_threads, repr(others))
        known = _sessions.get(self._key)
        if known is not None:
            vars(self).update(known)
            return
        super().__init__(path_or_bytes, sess_options, **others)
        _sessions[self._key] = dict(vars(self))
        while len(_sessions) > _SESSIONS_KEPT:
            _sessions.popitem(last=False)

    def run(self, outputs: list[str] | None, inputs: dict[str, np.ndarray], *others: Any) -> list[np.ndarray]:
        compute = super().run
        named = [(name, digest(value)) for name, value in sorted(inputs.items())]
        key = (*self._key, *(outputs or ()), *named)
        return list(_passes.get(key, lambda: tuple(compute(outputs, inputs, *others))))


original_felzenszwalb = skimage.segmentation.felzenszwalb


def remembered_felzenszwalb(image: np.ndarray, **options: Any) -> np.ndarray:
    """scikit-image's segments of a picture."""
    key = (digest(image), str(image.dtype), *sorted(options.items()))
    return _segments.get(key, lambda: (original_felzenszwalb(image, **options),))[0]


def remember() -> None:
    """Have flow, passes and segments remembered in this process from now on, by what is imported after this."""
    skimage.segmentation.felzenszwalb = remembered_felzenszwalb
    cv2.DISOpticalFlow = RememberedFlow
    onnxruntime.InferenceSession = RememberedSession


def _read(path: str) -> bytes:
    """Nothing where there is no file, which onnxruntime tells."""
    return Path(path).read_bytes() if Path(path).is_file() else b""


def digest(array: np.ndarray | None) -> bytes:
    """Of shape and content; the type is not told apart."""
    if array is None:
        return b""
    return sha256(np.ascontiguousarray(array).data).digest() + f"{array.shape}".encode()


def _copied(arrays: Arrays) -> Arrays:
    return tuple(array.copy() if isinstance(array, np.ndarray) else array.clone() for array in arrays)


def _n_bytes(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays)

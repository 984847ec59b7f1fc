"""Tensors on a GPU that does not exist: PyTorch's fake tensors have devices, types and shapes, and no values.

An operation fails where devices or types are mixed. It fails for an index in host memory, too, which a real GPU would
wait for. Where the number of true values decides a shape, all are true. Numbers that leave the GPU are zero.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

_INDEXED = "expected an index on {}, got one on {}, which a GPU has to wait for"
_UPSTREAMS = ("get_rel_pos",)  # segment_anything's ViT has such indices
_OPERATORS: dict[Any, Callable[..., Any]] = {
    torch.Tensor.__invert__: torch.ops.aten.bitwise_not,
    torch.Tensor.contiguous: lambda tensor: torch.ops.aten.clone(tensor, memory_format=torch.contiguous_format),
    torch.Tensor.numpy: lambda tensor: np.zeros(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")),
    torch.Tensor.__bool__: lambda tensor: True,
    torch.Tensor.__int__: lambda tensor: 1,
    torch.Tensor.__float__: lambda tensor: 1.0,
}


class FakeCuda:
    """A fake GPU.

    Attributes:
        waits: what a real one would have made the program wait for, in the latest block of `running`: the function that
            asked, and what for.
    """

    def __init__(self) -> None:
        self.waits: list[tuple[str, str]] = []

    @cached_property
    def _mode(self) -> FakeTensorMode:
        """PyTorch's, made at its first use: it loads PyTorch's compiler, which takes seconds."""
        return FakeTensorMode(allow_non_fake_inputs=False)

    @contextmanager
    def running(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """A block in which all tensors are fake, and `torch.autocast("cuda")` is in force as on a GPU."""
        monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
        monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda *_, **__: True)
        monkeypatch.setattr("torch.from_numpy", self._from_numpy)
        self.waits.clear()
        with self._mode, _WithoutDeviceGuard(self.waits), torch.inference_mode():
            yield

    def moved(self, module: nn.Module) -> nn.Module:
        """The module, changed in place: parameters and buffers are on the GPU, tensors in attributes are not."""
        with self._mode:
            for part in module.modules():
                part._parameters.update(
                    {name: nn.Parameter(_empty(p, "cuda"), requires_grad=False) for name, p in _some(part._parameters)}
                )
                part._buffers.update({name: _empty(buffer, "cuda") for name, buffer in _some(part._buffers)})
                others = {name: one for name, one in vars(part).items() if isinstance(one, torch.Tensor)}
                vars(part).update({name: _empty(one, "cpu") for name, one in others.items()})
        return module

    def _from_numpy(self, array: np.ndarray) -> torch.Tensor:
        return torch.empty(array.shape, dtype=getattr(torch, str(array.dtype)))


def _some(tensors: dict[str, torch.Tensor | None]) -> list[tuple[str, torch.Tensor]]:
    return [(name, tensor) for name, tensor in tensors.items() if tensor is not None]


def _empty(tensor: torch.Tensor, device: str) -> torch.Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=device)


class _WithoutDeviceGuard(TorchFunctionMode):
    """Sends Python's indexing and some operators to `torch.ops.aten`.

    PyTorch's own bindings ask for the guard of the tensor's device, which a build without CUDA lacks.
    """

    def __init__(self, waits: list[tuple[str, str]]) -> None:
        super().__init__()
        self._waits = waits

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if reason := _waits_for(func, args, kwargs or {}):
            self._waits.append((sys._getframe(1).f_code.co_name, reason))
        if func is torch.Tensor.__getitem__:
            return _indexed(*args)
        if func is torch.Tensor.__setitem__:
            return _assigned(*args)
        if func is torch.tensor:
            return _tensor(*args, **(kwargs or {}))
        if func is torch.Tensor.nonzero:
            return _nonzero(*args, **(kwargs or {}))
        if func in _OPERATORS:
            return _OPERATORS[func](*args)
        return func(*args, **(kwargs or {}))


def _waits_for(func: Any, args: Any, options: dict[str, Any]) -> str | None:
    """Why the program waits here for a GPU; None where it does not."""
    name = getattr(func, "__name__", "")
    if func is torch.tensor:
        return "a number from the host" if torch.device(options.get("device") or "cpu").type == "cuda" else None
    if not args or not isinstance(args[0], torch.Tensor):
        return None
    if func is torch.Tensor.to:
        given = [torch.device(one).type for one in (*args[1:], options.get("device")) if _is_device(one)]
        return "a copy" if given not in ([], [args[0].device.type]) and not options.get("non_blocking") else None
    if args[0].device.type != "cuda":
        return None
    if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
        is_filled = func is torch.Tensor.__setitem__ and not isinstance(args[2], torch.Tensor)
        keys = args[1] if isinstance(args[1], tuple) else (args[1],)
        has_mask = any(isinstance(one, torch.Tensor) and one.dtype == torch.bool for one in keys)
        return "the number of true values" if has_mask and not is_filled else None
    return name if name in ("cpu", "nonzero", "item", "tolist", "__bool__", "__int__", "__float__") else None


def _is_device(value: Any) -> bool:
    return isinstance(value, str | torch.device)


def _indexed(tensor: torch.Tensor, key: Any) -> torch.Tensor:
    keys = _without_ellipsis(tensor, key if isinstance(key, tuple) else (key,))
    dimension, at = 0, {}
    for one in keys:
        if one is None:
            tensor = torch.ops.aten.unsqueeze(tensor, dimension)
        elif isinstance(one, slice):
            if one != slice(None):
                tensor = torch.ops.aten.slice(tensor, dimension, one.start, one.stop, one.step or 1)
        elif isinstance(one, torch.Tensor) and one.dtype == torch.bool:
            tensor = _on_device(one, tensor.device) is one and tensor.flatten(dimension, dimension + one.dim() - 1)
        elif isinstance(one, torch.Tensor | np.ndarray | list):
            at[dimension] = _on_device(one, tensor.device)
        else:
            tensor = torch.ops.aten.select(tensor, dimension, int(one))
            continue
        dimension += 1
    return torch.ops.aten.index(tensor, [at.get(i) for i in range(max(at) + 1)]) if at else tensor


def _without_ellipsis(tensor: torch.Tensor, keys: tuple[Any, ...]) -> tuple[Any, ...]:
    here = [number for number, one in enumerate(keys) if one is Ellipsis]
    if not here:
        return keys
    n_whole = tensor.dim() - sum(one is not None and one is not Ellipsis for one in keys)
    return keys[: here[0]] + (slice(None),) * n_whole + keys[here[0] + 1 :]


def _on_device(index: Any, device: torch.device) -> torch.Tensor:
    found = index.device if isinstance(index, torch.Tensor) else "cpu"
    if found != device and sys._getframe(3).f_code.co_name not in _UPSTREAMS:
        raise RuntimeError(_INDEXED.format(device, found))
    return index


def _assigned(tensor: torch.Tensor, key: Any, value: Any) -> None:
    if isinstance(key, torch.Tensor) and key.dtype == torch.bool:
        _on_device(key, tensor.device)
        key = slice(None)
        value = value.reshape(tensor.shape) if isinstance(value, torch.Tensor) and value.dim() else value
    if isinstance(value, torch.Tensor):
        torch.ops.aten.copy_(_indexed(tensor, key), value)
    else:
        torch.ops.aten.fill_(_indexed(tensor, key), value)


def _tensor(data: Any, dtype: torch.dtype | None = None, device: torch.device | str = "cpu") -> torch.Tensor:
    """What `torch.tensor` is here. PyTorch's own computes with the values as long as it knows them."""
    array = np.asarray(data)
    found = torch.get_default_dtype() if array.dtype.kind == "f" else getattr(torch, str(array.dtype))
    return torch.empty(array.shape, dtype=dtype or found, device=device)


def _nonzero(tensor: torch.Tensor, *, as_tuple: bool = False) -> Any:
    at = torch.empty((1, tensor.dim()), dtype=torch.long, device=tensor.device)
    return tuple(at.unbind(1)) if as_tuple else at

"""Builds modules whose weights a checkpoint replaces, without drawing random ones first, which would take longer."""

from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class Unfilled(TorchFunctionMode):
    """A block in which new weights keep what is in their memory. Each of them must be loaded afterwards."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = kwargs or {}
        if func is torch.Tensor.uniform_ or getattr(func, "__module__", None) == torch.nn.init.__name__:
            return args[0] if args else options["tensor"]
        return func(*args, **options)

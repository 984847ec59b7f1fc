"""Every region of a video at every granularity, as overlapping masks followed through time.

result = overseg.run("cup.mp4", "cup.zarr")
result = overseg.open("cup.zarr")
result.masks_at(0).rles.to_masks()  # bool [n, height, width]
"""

from overseg.api.detector import train_detector
from overseg.api.relink import relink
from overseg.api.results import export, import_masks, open
from overseg.api.run import run
from overseg.api.segment import segment
from overseg.api.track import track
from overseg.autotracking.backend import MaskOptions
from overseg.autotracking.run import autotrack
from overseg.data.budget import Budget
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.errors import OversegError
from overseg.interchange.associating import associate_masks
from overseg.prompts.seeding import Seeding

__all__ = [
    "Budget",
    "MaskOptions",
    "OversegError",
    "Rles",
    "Seeding",
    "Settings",
    "associate_masks",
    "autotrack",
    "export",
    "import_masks",
    "open",
    "relink",
    "run",
    "segment",
    "track",
    "train_detector",
]

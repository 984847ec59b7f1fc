"""The formats by name: what each can hold, and who writes and reads it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from overseg.errors import InputError, SettingsError
from overseg.interchange.imported import Imported
from overseg.interchange.pictures import Pictures
from overseg.interchange.selection import Selection


@dataclass(frozen=True, kw_only=True)
class Format:
    """What the command line has to know of a format. Who writes and reads it is the module of its name.

    Attributes:
        module: in this package, with `write(selection, pictures, folder)` and `read(source)`.
        title: in a few words.
        overlapping: whether it can hold overlapping masks.
        file: the file that holds all of it, where one does; a destination may then be that file.
        folder_file: the file in a folder that is read first, where there are others.
        pictures: folder of the frames in an export; `{name}` stands for the video's name.
        digits: of a frame's number in the names of pictures; None for the input's own names.
        first: what the first frame is called; None for its number in the result.
        needs_pictures: whether the tool opens nothing without them.
        max_objects: how many objects it can hold; None for any number.
    """

    module: str
    title: str
    overlapping: bool = True
    file: str | None = None
    folder_file: str | None = None
    pictures: str = "images"
    digits: int | None = None
    first: int | None = None
    needs_pictures: bool = False
    max_objects: int | None = None

    def write(self, selection: Selection, pictures: list[str], folder: Path) -> None:
        """Fill the folder of an export; `pictures` are the names of its frames' pictures, relative to it."""
        self._function("write")(selection, pictures, folder)

    def read(self, source: Path) -> Imported:
        """Read what lies at `source`: a file, or the folder of an export."""
        file = self.file or self.folder_file
        if file and source.is_dir():
            source = source / file
        return self._function("read")(source)

    def picture_names(self, selection: Selection, pictures: Pictures) -> list[str]:
        """What the frames' pictures are called, relative to the export, as text with "/".

        Raises:
            InputError: two differ in their endings alone, so that files that are called like them would be one.
        """
        folder = self.pictures.format(name=selection.name)
        shift = 0 if self.first is None else self.first - selection.frames.start
        if self.digits is None:
            names = [pictures.name(number) for number in selection.frames]
        else:
            names = [f"{number + shift:0{self.digits}}{pictures.suffix(number)}" for number in selection.frames]
        twice = [stem for stem, n in Counter(Path(name).stem for name in names).items() if n > 1]
        if twice:
            raise InputError(f"two images of the input are called {twice[0]}, with other endings: rename one of them")
        return [f"{folder}/{name}" if folder else name for name in names]

    def _function(self, name: str) -> Callable[..., Any]:
        return getattr(import_module(f"overseg.interchange.{self.module}"), name)


FORMATS: Mapping[str, Format] = {
    "coco": Format(module="coco", title="COCO with videos and tracks", file="annotations.json"),
    "youtube-vis": Format(
        module="youtube_vis",
        title="YouTube-VIS and OVIS",
        file="annotations.json",
        pictures="JPEGImages/{name}",
        digits=5,
    ),
    "sav-json": Format(
        module="sav_json",
        title="SA-V, one JSON file",
        file="masklets_auto.json",
        pictures="JPEGImages/{name}",
        digits=5,
    ),
    "sav-png": Format(
        module="sav_png", title="SA-V, a folder of PNGs for each object", pictures="JPEGImages/{name}", digits=5
    ),
    "cvat": Format(module="cvat", title="CVAT for images 1.1", file="annotations.xml"),
    "labelme": Format(module="labelme", title="LabelMe, masks", pictures="", needs_pictures=True),
    "label-studio": Format(module="label_studio", title="Label Studio, brushes", file="tasks.json"),
    "npz": Format(module="npz", title="a stack of masks for every frame, for 3D segmentation"),
    "id-maps": Format(module="id_maps", title="16-bit maps, one for each level of the tree", max_objects=2**16 - 1),
    "davis": Format(
        module="davis",
        title="DAVIS, PNGs with a palette",
        overlapping=False,
        pictures="JPEGImages/{name}",
        digits=5,
        max_objects=254,
    ),
    "mots": Format(
        module="mots",
        title="MOTSChallenge, run lengths as text",
        overlapping=False,
        pictures="{name}/img1",
        digits=6,
        first=1,
        max_objects=999,
    ),
    "mot": Format(
        module="mot", title="MOTChallenge, boxes as text", overlapping=False, pictures="{name}/img1", digits=6, first=1
    ),
    "yolo-seg": Format(
        module="yolo",
        title="YOLO segmentation, polygons",
        overlapping=False,
        pictures="images/train",
        needs_pictures=True,
    ),
    "panoptic": Format(module="panoptic", title="panoptic COCO", overlapping=False, folder_file="panoptic.json"),
}


def format_named(name: str) -> Format:
    """The format of this name.

    Raises:
        SettingsError: there is none.
    """
    if name not in FORMATS:
        raise SettingsError(f"--format is one of {', '.join(FORMATS)}, not {name!r}")
    return FORMATS[name]

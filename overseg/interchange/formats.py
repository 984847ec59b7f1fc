"""The formats by name: what each can hold, and which modules write and read it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from overseg.annotations.annotations import Annotations
from overseg.annotations.folders import files_with
from overseg.annotations.picture_folders import of_one_folder
from overseg.errors import InputError, SettingsError, did_you_mean
from overseg.interchange.selection import Selection
from overseg.output.pictures import Pictures


@dataclass(frozen=True, kw_only=True)
class Format:
    """What the command line needs to know of a format.

    Attributes:
        module: in this package, with `write(selection, pictures, folder)`; in `annotations`, with `read(source, size)`.
        title: in a few words.
        overlapping: whether it can hold overlapping masks.
        file: name of the file, where the format is one file; a destination may then be that file.
        folder_file: the file that is read first, where the format is a folder with several.
        pictures: folder of the frames in an export; `{name}` stands for the video's name.
        digits: of a frame's number in the names of pictures; None for the input's own names.
        first: the number that the input's first frame has in names.
        needs_pictures: whether the tool needs the pictures to open an export.
        max_objects: how many objects it can hold; None for any number.
        may_flatten: whether masks that may overlap are laid over each other on request.
        flat_by_writer: whether the format does that itself.
        has_polygons: whether masks may be polygons; "always", "on request" or "never".
        has_split: whether frames are split into those for training and for validation; "always", "on request" or
            "never".
        several: whether an export can hold several videos.
    """

    module: str
    title: str
    overlapping: bool = True
    file: str | None = None
    folder_file: str | None = None
    pictures: str = "images"
    digits: int | None = None
    first: int = 0
    needs_pictures: bool = False
    max_objects: int | None = None
    may_flatten: bool = False
    flat_by_writer: bool = False
    has_polygons: str = "never"
    has_split: str = "never"
    several: bool = False

    def write(self, selections: Sequence[Selection], pictures: Sequence[list[str]], folder: Path) -> None:
        """Write an export into a folder; `pictures` are the file names of the frames of each, relative to it."""
        module = import_module(f"overseg.interchange.{self.module}")
        if hasattr(module, "write_all"):
            module.write_all(selections, pictures, folder)
            return
        for selection, names in zip(selections, pictures, strict=True):
            module.write(selection, names, folder)

    def read(self, source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
        """Read a file, or the folder of an export.

        Args:
            source: the file or folder.
            size: (height, width) that masks must have; None for what the source states.
            video: the video's name, to choose one of several.
        """
        file = self.file or self.folder_file
        if file and source.is_dir():
            source = _file_in(source, file)
        module = import_module(f"overseg.annotations.{self.module}")
        return of_one_folder(module.read(source, size, video), video)

    def picture_names(self, selection: Selection, pictures: Pictures, *, prefix: str = "") -> list[str]:
        """The file names of the frames' pictures, relative to the export, with "/".

        Args:
            selection: what is exported.
            pictures: of the same result.
            prefix: of each name, where videos share a folder.

        Raises:
            InputError: two names differ only in their suffix, so that files named after them would collide.
        """
        if self.digits is None:
            names = [pictures.name(number) for number in selection.frames]
        else:
            names = [
                f"{source + self.first:0{self.digits}}{pictures.suffix(number)}"
                for number, source in zip(selection.frames, selection.source_numbers, strict=True)
            ]
        twice = [stem for stem, n in Counter(Path(name).stem for name in names).items() if n > 1]
        if twice:
            raise InputError(f"two images of the input are called {twice[0]}, with different suffixes: rename one")
        folders = [self.pictures.format(name=selection.name, split=selection.split(at)) for at in range(len(names))]
        return [f"{folder}/{prefix}{name}" if folder else name for folder, name in zip(folders, names, strict=True)]


FORMATS: Mapping[str, Format] = {
    "coco": Format(
        module="coco",
        title="COCO with videos and tracks",
        file="annotations.json",
        has_polygons="on request",
        has_split="on request",
        several=True,
    ),
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
        module="sav_png",
        title="SA-V, a folder of PNGs for each object",
        pictures="JPEGImages/{name}",
        digits=5,
        several=True,
    ),
    "cvat": Format(module="cvat", title="CVAT; exports are for images 1.1", file="annotations.xml"),
    "labelme": Format(module="labelme", title="LabelMe", pictures="", needs_pictures=True),
    "label-studio": Format(module="label_studio", title="Label Studio", file="tasks.json"),
    "npz": Format(
        module="npz",
        title="a stack of masks for every frame, for 3D segmentation",
        may_flatten=True,
        flat_by_writer=True,
    ),
    "id-maps": Format(
        module="id_maps",
        title="16-bit maps, one for each depth of the tree",
        max_objects=2**16 - 1,
        may_flatten=True,
        flat_by_writer=True,
    ),
    "davis": Format(
        module="davis",
        title="DAVIS, PNGs with a palette",
        overlapping=False,
        pictures="JPEGImages/{name}",
        digits=5,
        max_objects=254,
        several=True,
    ),
    "mots": Format(
        module="mots",
        title="MOTSChallenge, run lengths as text",
        overlapping=False,
        pictures="{name}/img1",
        digits=6,
        first=1,
        max_objects=999,
        several=True,
    ),
    "mot": Format(
        module="mot",
        title="MOTChallenge, boxes as text",
        overlapping=False,
        pictures="{name}/img1",
        digits=6,
        first=1,
        several=True,
    ),
    "yolo-seg": Format(
        module="yolo",
        title="YOLO segmentation, polygons",
        overlapping=False,
        pictures="images/{split}",
        needs_pictures=True,
        has_polygons="always",
        has_split="always",
        several=True,
    ),
    "panoptic": Format(module="panoptic", title="panoptic COCO", overlapping=False, folder_file="panoptic.json"),
}


def _file_in(folder: Path, name: str) -> Path:
    """The file of this name in a folder, or the only one of its kind there or in `annotations`, as tools call it.

    Raises:
        InputError: there are several.
    """
    if (folder / name).exists():
        return folder / name
    for place in (folder, folder / "annotations"):
        found = files_with(place, Path(name).suffix)
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"{place} holds {', '.join(path.name for path in found[:8])}: give one of these files")
    return folder / name


READ: Mapping[str, Format] = {
    **FORMATS,
    "via": Format(module="via", title="VIA, the VGG Image Annotator", file="via_project.json"),
}


def format_named(name: str, known: Mapping[str, Format] | None = None) -> Format:
    """The format of this name; `known` is `READ` for files to read, of which some formats are not written.

    Raises:
        SettingsError: there is none.
    """
    known = FORMATS if known is None else known
    if name not in known:
        alone = "; it can be imported alone" if name in READ else ""
        meant = did_you_mean(name, known)
        raise SettingsError(f"--format is one of {', '.join(known)}, not {name!r}{alone}{meant}")
    return known[name]

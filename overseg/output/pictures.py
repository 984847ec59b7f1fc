"""The frames of an export: their file names, and writing them into its folder."""

import os
import shutil
from pathlib import Path

from overseg.errors import InputError, SettingsError
from overseg.output.input_video import open_input, source_numbers
from overseg.output.picture_file import write_picture
from overseg.store.result import Result
from overseg.video.image_source import image_files

HOW = ("link", "copy", "none")


class Pictures:
    """The frames that a result was made from, by number.

    Attributes:
        files: the images of the input, one a frame, where it is a folder of images that still exists; else None.
    """

    def __init__(self, result: Result, video: Path | None = None, *, shrunk: bool = False) -> None:
        """
        Args:
            result: what is exported.
            video: the path of the input now; None for its path when the store was made.
            shrunk: write frames as the run shrank them, rather than in the input's size.
        """
        self._result = result
        self._video = video
        self._numbers = source_numbers(result)
        self._shrunk = shrunk and result.identity["settings"].get("resize") is not None
        self.files = _image_files(result, video)

    def name(self, number: int) -> str:
        """The file name of a frame: that of its image, or its number in the input in five digits and `.jpg`.

        Example:
            >>> Pictures(result).name(12)  # doctest: +SKIP
            '00012.jpg'
        """
        return self.files[number].name if self.files else f"{self._numbers[number]:05}.jpg"

    def suffix(self, number: int) -> str:
        """The suffix of that name."""
        return Path(self.name(number)).suffix

    def best_way(self) -> str:
        """How to write them: "link" where that is possible, else "copy"."""
        return "link" if self.files and not self._shrunk else "copy"

    def write(self, folder: Path, names: dict[int, str], *, how: str) -> None:
        """Write frames into a folder.

        Args:
            folder: created if it does not exist.
            names: for the number of each frame, its file name in the folder.
            how: "link" to the images of the input, or "copy" them. Frames of a video, and images that the run shrank,
                are decoded and written; there is nothing to link to.

        Raises:
            SettingsError: there are no images to link to.
            InputError: the input is missing, is another one, or cannot be read.
        """
        for name in names.values():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if self.files and not self._shrunk:
            for number, name in names.items():
                _link_or_copy(self.files[number], folder / name, how)
            return
        if how == "link":
            raise SettingsError(
                "--frames link needs an input that is a folder of images and was not shrunk: use --frames copy"
            )
        with open_input(self._result, self._video, shrunk=self._shrunk) as video:
            for number, name in names.items():
                write_picture(folder / name, video[number].rgb)


def _link_or_copy(file: Path, to: Path, how: str) -> None:
    try:
        if how == "link":
            os.symlink(file.resolve(), to)
        else:
            shutil.copyfile(file, to)
    except FileExistsError as e:
        raise InputError(f"two frames would be called {to.name}: rename {file}") from e


def _image_files(result: Result, video: Path | None) -> list[Path] | None:
    """The image of each frame; None where the input is a video, is missing, or has another number of images."""
    settings = result.identity["settings"]
    path = video or Path(result.provenance.get("input", ""))
    if not path.is_dir() or (video is None and not result.provenance.get("input")):
        return None
    try:
        files = image_files(path)[settings.get("start", 0) : settings.get("end") : settings.get("stride", 1)]
    except InputError:
        if "format" not in settings:
            raise
        return None  # what was imported is a folder of annotations
    return files if len(files) == len(result) else None

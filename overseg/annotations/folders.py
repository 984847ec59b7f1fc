"""The files in the folders of data sets, in the order of frames."""

from pathlib import Path

from overseg.annotations.png import JPEG_SUFFIXES, MASK_SUFFIXES, WEBP
from overseg.annotations.values import VideoUnknownError
from overseg.errors import InputError


def entries_in_order(folder: Path) -> list[Path]:
    """What is in a folder, in natural order of names (2.png before 10.png), but for what systems hide there.

    Raises:
        InputError: the folder cannot be read.
    """
    from natsort import natsorted, ns

    try:
        entries = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    except OSError as e:
        raise InputError(f"expected a folder at {folder}, cannot read it: {e.strerror}; check the path") from e
    return natsorted(sorted(entries), key=lambda path: path.stem, alg=ns.IGNORECASE)


def has_pictures(folder: Path, *, lossy: bool = True) -> bool:
    """Whether a folder has a file that may be a mask; `lossy` is false to pass over JPEGs."""
    suffixes = set(MASK_SUFFIXES) - (set() if lossy else set(JPEG_SUFFIXES))
    return any(path.suffix.lower() in suffixes and path.is_file() for path in entries_in_order(folder))


def without_pictures_beside(paths: list[Path]) -> list[Path]:
    """The same files without JPEGs and WebPs beside maps of the same names: those are what the masks are of."""
    best: dict[str, int] = {}
    for path in paths:
        best[path.stem] = max(best.get(path.stem, 0), _exactness(path))
    return [path for path in paths if _exactness(path) == best[path.stem]]


def _exactness(path: Path) -> int:
    """How well a format is made for maps: JPEG less than WebP, and this less than all others."""
    suffix = path.suffix.lower()
    return 0 if suffix in JPEG_SUFFIXES else 1 if suffix == WEBP else 2


def mask_files_in_order(folder: Path) -> list[Path]:
    """The pictures of a folder that may be masks, in natural order of their names, without pictures beside masks.

    Raises:
        InputError: the folder cannot be read, or has none.
    """
    files = [path for path in entries_in_order(folder) if path.suffix.lower() in MASK_SUFFIXES and path.is_file()]
    if not files:
        raise InputError(f"expected files that end in {MASK_SUFFIXES[0]} in {folder}, found none; see docs/formats.md")
    return without_pictures_beside(files)


def files_with(folder: Path, suffix: str) -> list[Path]:
    """The files of a folder with this suffix; none where there is no such folder."""
    return [path for path in entries_in_order(folder) if path.suffix.lower() == suffix] if folder.is_dir() else []


def files_in_order(folder: Path, suffix: str) -> list[Path]:
    """The files of a folder with this suffix, in natural order of their names (2.png before 10.png).

    Raises:
        InputError: the folder cannot be read, or has none.
    """
    files = [path for path in entries_in_order(folder) if path.suffix.lower() == suffix]
    if not files:
        raise InputError(f"expected files that end in {suffix} in {folder}, found none; see docs/formats.md")
    return files


def mask_files_by_picture(folders: list[Path]) -> dict[str, dict[Path, Path]]:
    """For each name, without suffix and in natural order, the file of this name in each folder that has one.

    Raises:
        InputError: a folder cannot be read or has no such files, or there are no folders.
    """
    from natsort import natsorted

    found: dict[str, dict[Path, Path]] = {}
    for folder in folders:
        for path in mask_files_in_order(folder):
            found.setdefault(path.stem, {})[folder] = path
    if not found:
        raise InputError("expected folders of masks, found none; see docs/formats.md")
    return {stem: found[stem] for stem in natsorted(found)}


def folders_in_order(folder: Path) -> list[Path]:
    """The folders in a folder, in natural order of their names; InputError where it cannot be read."""
    return [path for path in entries_in_order(folder) if path.is_dir()]


def folder_of_video(folder: Path, video: str | None = None) -> Path:
    """The folder in a folder that is called like a video, or the only one.

    Raises:
        VideoUnknownError: there are several, and none is called so.
        InputError: there is none.
    """
    found = folders_in_order(folder)
    named = [one for one in found if one.name == video]
    if len(named or found) == 1:
        return (named or found)[0]
    if not found:
        raise InputError(f"expected a folder of one video in {folder}, found none: give the one to read")
    raise VideoUnknownError.among("folder of a video", folder, video, [one.name for one in found])

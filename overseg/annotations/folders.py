"""The files in the folders of data sets, in the order of frames."""

from pathlib import Path

from overseg.annotations.png import JPEG_SUFFIXES, MASK_SUFFIXES
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


def has_pictures(folder: Path) -> bool:
    """Whether a folder has a file that may be a mask."""
    return any(path.suffix.lower() in MASK_SUFFIXES and path.is_file() for path in entries_in_order(folder))


def without_pictures_beside(paths: list[Path]) -> list[Path]:
    """The same files without JPEGs beside maps of the same names: those are the pictures that masks are of."""
    suffixes = set(MASK_SUFFIXES) - set(JPEG_SUFFIXES)
    stems = {path.stem for path in paths if path.suffix.lower() in suffixes}
    return [path for path in paths if path.suffix.lower() not in JPEG_SUFFIXES or path.stem not in stems]


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


def files_in_order_of_all(folders: list[Path], suffix: str) -> list[str]:
    """The names that files with this suffix have in at least one of these folders, in natural order.

    Raises:
        InputError: a folder cannot be read, or there are no such files.
    """
    from natsort import natsorted

    names = {path.name for folder in folders for path in files_in_order(folder, suffix)}
    if not names:
        raise InputError(f"expected folders of files that end in {suffix}, found none; see docs/formats.md")
    return natsorted(names)


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
    names = ", ".join(one.name for one in found[:8]) + (", …" if len(found) > 8 else "")
    raise VideoUnknownError(
        f"expected a folder of one video in {folder}, or one that is called {video!r}, found {len(found)}: name one of "
        f"{names}"
    )

"""Where the files of a YOLO data set are: labels, the images that they are of, and names of classes."""

from pathlib import Path
from typing import Any

import yaml

from overseg.annotations.encoded import text_of
from overseg.annotations.folders import entries_in_order, folders_in_order
from overseg.data.track_names import printable_name
from overseg.errors import InputError
from overseg.video.image_file import IMAGE_SUFFIXES

LABELS, IMAGES = Path("labels"), Path("images")
_LISTS = {"classes", "names", "train", "val", "valid", "test", "notes"}  # texts beside labels
_ABOUT = "readme"  # how names of texts for people begin
_DARKNET = "obj_*_data"  # folders of CVAT's older export, with images and labels
_DESCRIPTIONS = ("data.yaml", "data.yml", "dataset.yaml")


def label_files(source: Path) -> dict[Path, Path]:
    """The files of labels of a data set, in natural order, and the folder that the image of each may be in.

    The folder has `labels/train` and `images/train`, `train/labels` and `train/images` as Roboflow has them, `labels`
    and `images`, or the labels themselves, such as predictions; for other splits than `train` in the same way.

    Raises:
        InputError: the folder cannot be read, or has no labels.
    """
    found = {path: images for labels, images in _folders(source) for path in _labels_in(labels)}
    if not found:
        raise InputError(
            f"expected labels in {source}, as labels/train/*.txt, train/labels/*.txt or *.txt, found none; see "
            "docs/formats.md"
        )
    return found


def is_data_set(source: Path) -> bool:
    """Whether a folder has labels, rather than any texts: beside images it has them for these, or for none."""
    stems = {path.stem for path in entries_in_order(source) if path.suffix.lower() in IMAGE_SUFFIXES}
    return any(
        labels != source or not stems or path.stem in stems
        for labels, _ in _folders(source)
        for path in _labels_in(labels)
    )


def first_image(folders: list[Path]) -> Path | None:
    """An image in one of these folders; None where none has one."""
    for folder in folders:
        for path in entries_in_order(folder) if folder.is_dir() else ():
            if path.suffix.lower() in IMAGE_SUFFIXES:
                return path
    return None


def class_names(source: Path) -> dict[int, str]:
    """What classes are called, by number, as `data.yaml` or `classes.txt` says; empty where neither is there.

    Raises:
        InputError: one cannot be read.
    """
    for place in (source, source.parent):
        for name in _DESCRIPTIONS:
            if (place / name).is_file():
                return _of_description(place / name)
        if (place / "classes.txt").is_file():
            return dict(enumerate(_text(place / "classes.txt").splitlines()))
    return {}


def _labels_in(folder: Path) -> list[Path]:
    texts = (path for path in entries_in_order(folder) if path.suffix.lower() == ".txt")
    return [path for path in texts if path.stem.lower() not in _LISTS and not path.stem.lower().startswith(_ABOUT)]


def _folders(source: Path) -> list[tuple[Path, Path]]:
    """Each folder that may have labels, and that of its images."""
    labels = source / LABELS
    if labels.is_dir():
        splits = [(split, source / IMAGES / split.name) for split in folders_in_order(labels)]
        return [*splits, (labels, source / IMAGES)]
    splits = [(split / LABELS, split / IMAGES) for split in folders_in_order(source) if (split / LABELS).is_dir()]
    darknet = [(folder, folder) for folder in folders_in_order(source) if folder.match(_DARKNET)]
    return splits or darknet or [(source, _beside(source))]


def _beside(labels: Path) -> Path:
    """The folder of the images of a folder of labels that is given alone."""
    if labels.name == LABELS.name:
        return labels.parent / IMAGES
    return labels.parents[1] / IMAGES / labels.name if labels.parent.name == LABELS.name else labels


def _of_description(path: Path) -> dict[int, str]:
    try:
        content: Any = yaml.safe_load(_text(path))
    except (yaml.YAMLError, RecursionError) as e:
        raise InputError(f"expected YAML in {path}, got something else ({' '.join(str(e).split())})") from e
    names = content.get("names") if isinstance(content, dict) else None
    members = dict(enumerate(names)) if isinstance(names, list) else names if isinstance(names, dict) else {}
    called = {number: printable_name(name) for number, name in members.items() if isinstance(number, int)}
    return {number: name for number, name in called.items() if name}


def _text(path: Path) -> str:
    try:
        return text_of(path)
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"expected text in {path}, cannot read it: {' '.join(str(e).split())}") from e

"""From the path of an annotation to its objects, whichever form it has."""

from pathlib import Path

from overseg.errors import InputError
from overseg.evaluate.coco_json import read_coco_tracks
from overseg.evaluate.davis_png import read_davis
from overseg.evaluate.frame_names import FrameNames
from overseg.evaluate.png_files import png_files
from overseg.evaluate.sav_folder import read_sav_folder
from overseg.evaluate.sav_json import read_sav_json
from overseg.evaluate.truth import Truth
from overseg.evaluate.ytvis_json import read_ytvis
from overseg.interchange.json_input import checked
from overseg.interchange.json_stream import top_level_keys

_FORMS = (
    "PNGs with an object for each value (DAVIS), a folder of PNGs for each object (SA-V), or JSON of SA-V, COCO with "
    "track ids, or YouTube-VIS"
)


def read_truth(path: Path, names: FrameNames) -> Truth:
    """The objects of an annotation; what form it has is seen from the path.

    - a folder with PNGs: `read_davis`
    - a folder with folders of PNGs: `read_sav_folder`, or the one that is called like the store's input
    - a folder of a data set, of which the only folder counts, or the one called `Annotations`, `Annotations_6fps` or so
    - a file, or the only one in a folder, that ends with .json: `read_sav_json`, `read_ytvis` or `read_coco_tracks`

    Raises:
        InputError: there is nothing, it has no such form, or it does not belong to the store's video.
    """
    if path.is_file():
        return _read_json(path, names)
    if not path.is_dir():
        raise InputError(f"expected ground truth at --gt {path}, found nothing; give {_FORMS}")
    if png_files(path):
        return read_davis(path, names)
    inner = path / names.video
    if inner.is_dir():
        return read_truth(inner, names)
    if any(png_files(entry) for entry in path.iterdir() if entry.is_dir()):
        return read_sav_folder(path, names)
    files = sorted(path.glob("*.json"))
    roots = [entry for entry in path.iterdir() if entry.is_dir()]
    roots = [entry for entry in roots if entry.name.startswith("Annotations")] or roots
    if len(roots) == 1 and not files:
        return read_truth(roots[0], names)
    if len(files) == 1:
        return _read_json(files[0], names)
    found = f"{len(files)} JSON files: give one of them" if files else f"neither PNGs nor JSON; expected {_FORMS}"
    raise InputError(f"the folder --gt {path} holds {found}")


def _read_json(path: Path, names: FrameNames) -> Truth:
    keys = top_level_keys(path)
    with checked(path, "a value"):
        if "masklet" in keys:
            return read_sav_json(path, names)
        if {"images", "annotations"} <= keys:
            return read_coco_tracks(path, names)
        if {"videos", "annotations"} <= keys:
            return read_ytvis(path, names)
    raise InputError(
        f'expected the keys "masklet" (SA-V), "images" and "annotations" (COCO) or "videos" and "annotations" '
        f"(YouTube-VIS) in {path}, got {', '.join(sorted(keys)) or 'none'}"
    )

"""Ground truth as in the training set of SA-V: masklets in JSON, on every fourth frame."""

from pathlib import Path

from overseg.errors import InputError
from overseg.evaluate.frame_names import FrameNames
from overseg.evaluate.segmentations import read_segmentation
from overseg.evaluate.truth import Truth, no_mask
from overseg.interchange.json_stream import items

_ANNOTATED_EVERY = 4  # SA-V has 24 frames per second, 6 of them annotated


def read_sav_json(path: Path, names: FrameNames) -> Truth:
    """The objects of `{"masklet": [[mask of each object], …], "masklet_id": […], "video_frame_count": …}`.

    Entry i of `masklet` is of frame 4 i, or of frame i where there are as many entries as frames. A mask may be null
    where its object is not to be seen.

    Raises:
        InputError: the file cannot be read, has no such form, or has masks of another size.
    """
    n_entries = sum(1 for _ in items(path, "masklet.item"))
    n_frames = int(next(items(path, "video_frame_count"), 0))
    every = 1 if n_entries == n_frames else _ANNOTATED_EVERY
    if not n_entries or (n_frames and (n_entries - 1) * every >= n_frames):
        raise InputError(
            f"expected an entry of masklet for every fourth of the {n_frames} frames (video_frame_count) or for each "
            f"in {path}, got {n_entries}"
        )
    identities = [str(one) for one in items(path, "masklet_id.item")]
    rows: list[tuple[int, int, bytes]] = []
    for entry, masks in enumerate(items(path, "masklet.item")):
        frame = names.at(entry * every, where=f"{path}: masklet[{entry}]")
        if frame is None:
            continue
        if not isinstance(masks, list) or (identities and len(masks) > len(identities)):
            raise InputError(f"expected a mask for each of the {len(identities)} objects at {path}: masklet[{entry}]")
        for number, mask in enumerate(masks):
            where = f"{path}: masklet[{entry}][{number}]"
            counts = no_mask(names.size) if mask is None else read_segmentation(mask, names, where=where)
            rows.append((frame, number, counts))
    n_objects = 1 + max((number for _, number, _ in rows), default=-1)
    if not n_objects:
        raise InputError(f"expected masks on the frames of the run in {path}: masklet, found none")
    return Truth.from_rows(identities or map(str, range(n_objects)), rows, names.size)

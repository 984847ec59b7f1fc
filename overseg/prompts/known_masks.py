"""Masks that are known on some frames, of another tool or an imported store, as prompts on these frames."""

from collections.abc import Iterator
from pathlib import Path

from overseg.annotations.annotations import Annotations
from overseg.annotations.placing import Placed, place_pictures
from overseg.annotations.recognise import read_in_size
from overseg.annotations.resizing import in_size, resized
from overseg.annotations.united import united
from overseg.annotations.values import check_size
from overseg.data.track_names import TrackName
from overseg.errors import InputError
from overseg.prompts.objects import Pointed
from overseg.prompts.prompted_frames import PromptedFrames
from overseg.store.result import Result, open_result

_CATEGORY = "object"


def read_known_masks(
    path: Path, frames: PromptedFrames, *, first_number: int | None = None, strict: bool = False
) -> tuple[list[Pointed], list[str]]:
    """The masks at a path, in any format of `read_any`, or those of a store; and remarks on what was left out.

    A mask is a prompt on the frame that its picture is of. Where there is one picture and a frame is asked for, it is
    of that frame.

    Args:
        path: the file, folder or store.
        frames: that are followed through.
        first_number: the number that names and files give the first frame; None to find out.
        strict: refuse a source of which something would be left out.

    Raises:
        InputError: it cannot be read, has masks of another size, or none on these frames.
        StoreError: it is a store without a result.
    """
    if path.suffix.lower() == ".zarr":
        return _of_store(open_result(path), frames)
    annotations = read_in_size(path, (frames.input_size, frames.size), frames.video, needs_tracks=False)
    if frames.asked is not None and len(annotations.pictures) == 1:
        placed = Placed((frames.numbers[frames.asked],))
    else:
        placed = place_pictures(annotations, frames.source, first_number=first_number)
    pointed = sorted(_pointed(annotations, placed.frames, frames), key=lambda one: one[0])
    annotations.left_out.refuse_if_strict(path, strict=strict)
    left_out = annotations.left_out.remark(path)
    if not pointed:
        raise InputError(
            f"expected masks of objects in {path} on the frames that are followed through, found none"
            + (f"; {left_out}" if left_out else "")
        )
    n_outside = sum(frame not in frames.numbers for frame in placed.frames)
    outside = f"{path}: {n_outside} pictures are of frames that were not chosen" if n_outside else None
    return [one for _, one in pointed], [line for line in (placed.remark, left_out, outside) if line]


def _pointed(
    annotations: Annotations, placed: tuple[int, ...], frames: PromptedFrames
) -> Iterator[tuple[tuple[int, int], Pointed]]:
    """Each mask as a prompt, with the number of its object and the frame."""
    for row, number in enumerate(placed):
        if number not in frames.numbers:
            continue
        frame, masks = frames.numbers.index(number), united(in_size(annotations.read(row), frames.input_size))
        for at, object in enumerate(masks.object.tolist()):
            named = annotations.objects.names.get(object)
            name = named or TrackName(f"{_CATEGORY} {annotations.objects.label(object)}", _CATEGORY)
            place = annotations.pictures[row].place
            yield (object, frame), Pointed(name.name, place, None, (), masks.rles.take([at]), name.category, frame)


def _of_store(result: Result, frames: PromptedFrames) -> tuple[list[Pointed], list[str]]:
    """Every mask of every track of a result, on the frames that both have."""
    chosen, size = result.identity["settings"], frames.input_size
    start, stride = int(chosen.get("start") or 0), int(chosen.get("stride") or 1)
    pointed: list[tuple[int, Pointed]] = []
    for frame in range(len(result)):
        number = start + frame * stride
        if number not in frames.numbers:
            continue
        masks = result.masks_at(frame)
        if masks.rles.size not in (frames.input_size, frames.size):
            check_size(masks.rles.size, frames.input_size, result.path)
        at, rles = frames.numbers.index(number), resized(masks.rles, size)
        for row, track in enumerate(masks.track.tolist()):
            name = result.names.get(track, TrackName(f"track {track}", _CATEGORY))
            place = f"{result.path}: track {track}"
            pointed.append((track, Pointed(name.name, place, None, (), rles.take([row]), name.category, at)))
    if not pointed:
        raise InputError(f"expected masks in {result.path} on the frames that are followed through, found none")
    return [one for _, one in sorted(pointed, key=lambda one: one[0])], []

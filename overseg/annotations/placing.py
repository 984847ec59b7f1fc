"""Which frame of a video a picture is: the one place that decides it, for every command and format."""

import re
from dataclasses import dataclass

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.picture_names import NO_FRAME, images_called, number_at_end, plain_stems
from overseg.data.source_frames import SourceFrames
from overseg.errors import InputError

_MAX_FRAMES = 10**8  # six weeks at 25 frames a second
_MOST_MISSING, _MOST_WITHOUT_MASKS = 100, 10_000  # frames without a picture, for each that has one, and besides


@dataclass(frozen=True)
class Placed:
    """The frames of some pictures.

    Attributes:
        frames: number of the frame of each picture, from 0, before `--start`, `--end` and `--stride`; `NO_FRAME` for
            pictures that are of no frame, where that is not refused.
        remark: one line, where the numbers could be read in two ways; else None.
    """

    frames: tuple[int, ...]
    remark: str | None = None

    @property
    def rows(self) -> dict[int, int]:
        """The row of the picture of each frame that has one."""
        return {frame: row for row, frame in enumerate(self.frames) if frame != NO_FRAME}


def place_pictures(
    annotations: Annotations,
    video: SourceFrames | None = None,
    *,
    strict: bool = True,
    first_number: int | None = None,
) -> Placed:
    """The frame of each picture of the annotations.

    The first of these ways that fits all pictures counts:

    1. The picture has the name of an image of the video, or ends with the same number as the name of one image.
    2. The file states the number of the frame (`frame_id`, `frame_index`, the frame of a line).
    3. The name ends with a number, after one common beginning.
    4. The file states the number of the picture (CVAT's `id`).
    5. The pictures are in order, and there are as many as frames.

    Numbers count from 0, or from 1 where they fit the video in that way alone. Where two of these ways are possible and
    say different things, the first one counts and a remark says so. Where some pictures alone have the names of images,
    their numbers count if there is a frame for each; otherwise names do, and the other pictures are of no frame.

    Args:
        annotations: whose pictures are placed.
        video: the frames that they are of; None where there is no video: then the first picture is frame 0, unless the
            format defines what is frame 0.
        strict: refuse pictures of frames that the video does not have; otherwise numbers after the last frame stay.
        first_number: the number that names or the file give the first frame; then the names of images do not matter,
            and a number must be there. None to find out.

    Raises:
        InputError: two pictures are of one frame, or a picture is of a frame that the video does not have.
    """
    if annotations.has_own_rate and video and video.n_frames:
        return Placed(_at_rate(annotations, video.n_frames))
    if first_number is not None:
        frames, remark = _from_first(annotations, first_number), None
    else:
        frames, remark = _by_names_or_numbers(annotations, video)
    _check(annotations, frames, video, strict=strict)
    return Placed(tuple(frames), remark)


def _by_names_or_numbers(annotations: Annotations, video: SourceFrames | None) -> tuple[list[int], str | None]:
    """The frames by the names of images, or by numbers; and a remark where both are possible and differ."""
    pictures = annotations.pictures
    named = images_called(pictures, video.stems) if video else []
    without = [picture for picture, frame in zip(pictures, named, strict=False) if frame == NO_FRAME]
    if video is None or not named or len(without) == len(pictures):
        return _by_number(annotations, video)
    if not without:
        return named, _disagreement(annotations, named, "names of images")
    numbers = _numbers(annotations)
    if numbers is None:
        return named, _some_without(annotations, without)
    frames, remark = _counted_from(numbers, annotations, video.n_frames)
    if max(frames) >= video.n_frames > 0:
        return named, _some_without(annotations, without)
    return frames, remark or _partly_named(annotations, named, frames, without[0])


def _some_without(annotations: Annotations, without: list[Picture]) -> str:
    return (
        f"{annotations.source}: {len(without)} of {len(annotations.pictures)} pictures, such as "
        f"{without[0].name or without[0].place}, are called like no image of the video, and are left out"
    )


def _partly_named(annotations: Annotations, named: list[int], frames: list[int], without: Picture) -> str | None:
    """One line where the names of some images and the numbers of all pictures disagree."""
    wrong = [at for at, frame in enumerate(named) if frame not in (NO_FRAME, frames[at])]
    if not wrong:
        return None
    one = annotations.pictures[wrong[0]]
    return (
        f"{annotations.source}: {one.name} is called like the image of frame {named[wrong[0]]}, but {without.name} "
        f"like none; so numbers count from 0, and {one.name} is of frame {frames[wrong[0]]}: give --first-number if "
        "that is wrong"
    )


def _at_rate(annotations: Annotations, n_frames: int) -> tuple[int, ...]:
    """The stated frames, counted at the rate of the tool; one more than the video has is of no frame."""
    if abs(annotations.n_frames - n_frames) > 1:
        raise InputError(
            f"{annotations.source} counts {annotations.n_frames} frames, and the video has {n_frames}: set the frame "
            "rate in the tool to that of the video (framerate of <Video> in Label Studio), and export again"
        )
    numbers = [picture.number for picture in annotations.pictures]
    return tuple(NO_FRAME if number is None or number >= n_frames else number for number in numbers)


def _from_first(annotations: Annotations, first_number: int) -> list[int]:
    """The frames by numbers of which the first one is known."""
    numbers = _numbers(annotations)
    if numbers is None:
        raise InputError(
            f"--first-number {first_number} needs numbers in {annotations.source}, and not all of its pictures have "
            "one: leave it out"
        )
    lowest = min(numbers, default=first_number)
    if lowest < first_number:
        one = annotations.pictures[numbers.index(lowest)]
        raise InputError(f"{one.place} has the number {lowest}, which is before --first-number {first_number}")
    return [number - first_number for number in numbers]


def _disagreement(annotations: Annotations, frames: list[int], by: str) -> str | None:
    """One line where the numbers that the file states say something else than `frames`, whatever they count from."""
    stated = [picture.number for picture in annotations.pictures]
    shifts = {number - frame for number, frame in zip(stated, frames, strict=True) if number is not None}
    if len(shifts) < 2:
        return None
    at = next(at for at, number in enumerate(stated) if number is not None and number != frames[at])
    picture = annotations.pictures[at]
    return (
        f"{annotations.source}: {by} and the frame numbers that the file states disagree: {picture.name} is frame "
        f"{frames[at]} by the one and {stated[at]} by the other; {by} count: rename the pictures if that is wrong"
    )


def _by_number(annotations: Annotations, video: SourceFrames | None) -> tuple[list[int], str | None]:
    """The frames by the numbers that the file has, and a remark where it is not sure from where they count."""
    numbers = _numbers(annotations)
    if numbers is None:
        return _in_order(annotations, video), None
    if video:
        frames, remark = _counted_from(numbers, annotations, video.n_frames)
        return frames, remark or _names_disagree(annotations, frames)
    if annotations.counts_from_zero or not numbers:
        return numbers, None
    first = min(numbers)
    if max(numbers) - first > _most(len(numbers)):
        return list(range(len(numbers))), None
    return [number - first for number in numbers], _shifted(annotations, numbers, first)


def _shifted(annotations: Annotations, numbers: list[int], first: int) -> str | None:
    """One line where pictures without a video begin later than numbers that count from 0 or 1."""
    one = annotations.pictures[numbers.index(first)]
    if first <= 1 or one.id is not None:  # an id may count anything
        return None
    return (
        f"{annotations.source}: without the video, {one.name or one.place} is frame 0, as the first picture: give "
        "--video to have frames counted as there"
    )


def _names_disagree(annotations: Annotations, frames: list[int]) -> str | None:
    """One line where the file states numbers, and those at the end of names say something else."""
    stems = [picture.stem for picture in annotations.pictures]
    ends = [number_at_end(stem) for stem in plain_stems(stems)]
    if None in ends or any(picture.number is None for picture in annotations.pictures) or len(set(ends)) < len(ends):
        return None
    if len({end - frame for end, frame in zip(ends, frames, strict=True) if end is not None}) < 2:
        return None
    at = next(at for at, end in enumerate(ends) if end != frames[at])
    return (
        f"{annotations.source}: names and the frame numbers that the file states disagree: {stems[at]} is stated to be "
        f"frame {frames[at]}; stated numbers count: correct them if that is wrong"
    )


def _counted_from(numbers: list[int], annotations: Annotations, n_frames: int) -> tuple[list[int], str | None]:
    """The same numbers from 0. One number alone counts from 0: nothing shows that it does not."""
    is_stated = any(picture.number is not None for picture in annotations.pictures)
    if is_stated and (annotations.counts_from_zero or annotations.stated_from_zero):
        return numbers, None
    if 0 in numbers or len(numbers) < 2 or not n_frames:
        return numbers, None
    from_zero = [number - 1 for number in numbers]
    if max(numbers) == n_frames:
        return from_zero, None
    if sorted(numbers) == list(range(1, n_frames)):
        first = annotations.pictures[numbers.index(1)]
        line = (
            f"{annotations.source}: numbers begin with 1 and end one before the last of {n_frames} frames; they are "
            f"taken to count from 1, so {first.name or first.place} is the first frame"
        )
        return from_zero, line
    return numbers, None


def _numbers(annotations: Annotations) -> list[int] | None:
    """A number for each picture, of the first kind that all pictures have and in which they differ."""
    pictures = annotations.pictures
    stated = [picture.number for picture in pictures]
    if all(number is not None for number in stated):
        return [number for number in stated if number is not None]  # two of one frame are refused, not passed over
    stems = plain_stems([picture.stem for picture in pictures])
    ends = [number_at_end(stem) for stem in stems]
    if annotations.counts_from_zero and None not in ends:
        return [end for end in ends if end is not None]
    if len({re.sub(r"\d+$", "", stem) for stem in stems}) > 1:
        ends = [None] * len(ends)
    ids = [picture.id for picture in pictures]
    for kind in (ends, ids):
        known = [number for number in kind if number is not None]
        if len(known) == len(pictures) == len(set(known)):
            return known
    return None


def _in_order(annotations: Annotations, video: SourceFrames | None) -> list[int]:
    pictures = annotations.pictures
    if video and len(pictures) != video.n_frames:
        first = next((one for one in pictures if number_at_end(one.stem) is None), pictures[0])
        raise InputError(
            f"expected a name that ends with a frame's number in {first.place}, got {first.name!r}; without such "
            f"names, {annotations.source} must have a picture for each frame, and has {len(pictures)}"
        )
    return list(range(len(pictures)))


def _check(annotations: Annotations, frames: list[int], video: SourceFrames | None, *, strict: bool) -> None:
    n_frames = video.n_frames if video and strict else 0
    of_frame: dict[int, Picture] = {}
    for picture, frame in zip(annotations.pictures, frames, strict=True):
        if frame == NO_FRAME and not strict:
            continue
        called = picture.name or picture.place
        other = of_frame.setdefault(frame, picture)
        if other is not picture:
            raise InputError(
                f"expected one file a frame in {annotations.source}, got {other.name or other.place} and {called}; "
                "remove one of them"
            )
        if not 0 <= frame < (n_frames or _MAX_FRAMES):
            raise InputError(_outside(picture, frame, video))
    last = max(frames, default=0)
    if video is None and last > _most(len(frames)):
        raise InputError(
            f"{annotations.source} has {len(frames)} files, and {of_frame[last].name} would be frame {last}: number "
            "files by frame, from 0"
        )


def _outside(picture: Picture, frame: int, video: SourceFrames | None) -> str:
    if video and video.stems and (picture.name or frame == NO_FRAME):
        called = repr(picture.name) if picture.name else "it"
        return (
            f"{picture.place}: {called} has neither the name nor the number of an image of the video: give the images "
            "that it is of, or rename it"
        )
    if not video or not video.n_frames:
        return f"{picture.place} is of frame {frame}, and no video has that frame: number files by frame, from 0"
    return (
        f"{picture.place} is of frame {frame}, but the video has frames 0 to {video.n_frames - 1}: count frames from "
        "0, or say with --video where the images are, so that names can be compared"
    )


def _most(n_pictures: int) -> int:
    return _MOST_MISSING * n_pictures + _MOST_WITHOUT_MASKS

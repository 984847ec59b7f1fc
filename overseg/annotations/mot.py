"""MOT: `frame,id,left,top,width,height,…`, boxes alone, frames and pixels from 1, in MOTChallenge's folders."""

from contextlib import suppress
from pathlib import Path

from overseg.annotations.annotations import Annotations
from overseg.annotations.gathered import Gathered
from overseg.annotations.left_out import LeftOut
from overseg.annotations.mot_challenge import INFO, Sequence, annotations_of, as_length, read_info, read_lines
from overseg.annotations.objects import Objects
from overseg.annotations.values import SizeUnknownError, box_counts, check_size, checked, tolerated, within


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the folder of a video, or a file of lines; masks are the boxes, cut at the picture's edge.

    Lines that do not count are left out.

    Raises:
        SizeUnknownError: a file alone states no size, and none is given.
        InputError: a file cannot be read, or a line of it is wrong.
    """
    info = _of_lines(source, size) if source.is_file() else read_info(source, video)
    if size:
        check_size(info.size, size, info.path)
    gathered, objects, left_out = Gathered(info.size), Objects(), LeftOut()
    for line, text in enumerate(read_lines(info.path), 1):
        with tolerated(info.path, f"line {line}", left_out):
            frame, id, *box = text.split(",")[:6]
            counts = [float(one) for one in text.split(",")[6:7]] != [0.0]
            row = int(within(frame, 1, info.n_frames, otherwise=0)) - 1
            left, top, width, height = (float(at) for at in box)
            if not counts:
                left_out.add("ignored line{s}")
                continue
            mask = box_counts(left - 1, top - 1, width, height, info.size)
            gathered.add(row, objects.number_or_new(id), mask)
    return annotations_of(info, gathered, objects, left_out, first_frame=1)


def _of_lines(source: Path, size: tuple[int, int] | None) -> Sequence:
    """What is known of the video of a file alone, such as a tracker's result."""
    if size is None:
        raise SizeUnknownError(f"expected {INFO} beside {source}, which states the size of pictures: give the video")
    last = 0
    for text in read_lines(source):
        with suppress(ValueError):  # counted when boxes are read
            last = max(last, int(within(text.split(",")[0], 1, 2**31, otherwise=1)))
    with checked(source, "the file"):
        return Sequence(source, size, as_length(last), 0.0, source.stem)

"""MOTS: lines `frame id class height width run-lengths`, in the folders of MOTSChallenge or as KITTI MOTS has them."""

from pathlib import Path

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.folders import files_in_order
from overseg.annotations.gathered import Gathered
from overseg.annotations.left_out import LeftOut
from overseg.annotations.mot_challenge import INFO, LINES, Sequence, annotations_of, as_length, read_info, read_lines
from overseg.annotations.objects import Objects
from overseg.annotations.png import read_numbers, read_size
from overseg.annotations.values import as_size, check_size, checked, mask_counts, tolerated, within
from overseg.annotations.void import KITTI_VOID, masks_of_map

_IGNORED = 10  # class of regions that do not count


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the folder of a video, or one file of lines; the regions to be ignored (class 10) are left out.

    With a `seqinfo.ini`, frames count from 1, as in MOTSChallenge. In a file alone they count from 0, as in KITTI MOTS,
    unless it has a frame 1 and no frame 0.

    A folder of PNGs is read as KITTI's maps, in which each value but 0 is an object and 10000 is to be ignored.

    Raises:
        InputError: a file cannot be read, or a line of it is wrong.
    """
    if source.is_dir() and any(path.suffix.lower() == ".png" for path in source.iterdir()):
        return _read_maps(source, size)
    info, first_frame = _info(source, size, video)
    if size:
        check_size(info.size, size, info.path)
    gathered, objects, left_out = Gathered(info.size), Objects(), LeftOut()
    for line, text in enumerate(read_lines(info.path), 1):
        with tolerated(info.path, f"line {line}", left_out):
            frame, id, of_class, height, width, counts = text.split()
            if int(of_class) == _IGNORED:
                left_out.add("region{s} to be ignored")
                continue
            last = first_frame + info.n_frames - 1
            row = int(within(frame, first_frame, last, otherwise=0)) - first_frame
            segmentation = {"size": [int(height), int(width)], "counts": counts}
            mask = mask_counts(segmentation, info.size, f"{info.path}: line {line}", left_out)
            gathered.add(row, objects.number_or_new(id), mask)
    return annotations_of(info, gathered, objects, left_out, first_frame=first_frame)


def _read_maps(source: Path, size: tuple[int, int] | None) -> Annotations:
    files = files_in_order(source, ".png")
    size = size or read_size(files[0])

    def masks(row: int) -> PictureMasks:
        return masks_of_map(read_numbers(files[row], size), void=KITTI_VOID)

    pictures = tuple(Picture(str(file), file.name) for file in files)
    return Annotations(source, size, pictures, masks, counts_from_zero=True, name=source.name, is_of_maps=True)


def _info(source: Path, size: tuple[int, int] | None, video: str | None) -> tuple[Sequence, int]:
    """What is known of the video, and the number of its first frame."""
    if source.is_dir():
        return read_info(source, video), 1
    if source.parts[-2:] == LINES.parts and (source.parents[1] / INFO).is_file():
        return read_info(source.parents[1]), 1
    frames: set[int] = set()
    wrong = LeftOut()  # counted when masks are read
    for line, text in enumerate(read_lines(source), 1):
        with tolerated(source, f"line {line}", wrong):
            frame, _, _, height, width, _ = text.split()
            stated = as_size(height, width, source)
            frames.add(int(within(frame, 0, 2**31, otherwise=0)))
            size = size or stated
    with checked(source, "the file"):
        if size is None or not frames:
            raise ValueError(f"no line is `frame id class height width run-lengths`; {wrong.line(source)}")
        first_frame = 1 if 1 in frames and 0 not in frames else 0
        return Sequence(source, size, as_length(max(frames) + 1 - first_frame), 0.0, source.stem), first_frame

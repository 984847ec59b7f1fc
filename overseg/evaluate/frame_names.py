"""Which frame of a store an annotation belongs to."""

import re
from pathlib import Path

from overseg.errors import InputError
from overseg.store.result import Result
from overseg.video.image_source import image_files


class FrameNames:
    """Finds frames by the names and numbers that annotations use for them.

    An annotation names a frame of the video as it was before `--start`, `--end` and `--stride`. Where the input is a
    folder of images that is at hand, a name means the image of the same name without suffix, else the image whose name
    ends with the same number. Everywhere else the number that a name ends with counts frames from 0.

    Attributes:
        size: (height, width) that masks must have.
        video: name of the input, without suffix.
    """

    def __init__(self, result: Result, *, video: str | Path | None = None) -> None:
        """
        Args:
            result: whose frames are named.
            video: where its input is now; None for where it was when the store was made.
        """
        given = Path(video if video is not None else result.provenance.get("input", result.info.name))
        chosen = result.identity["settings"]
        self.size = result.size
        self.video = given.stem
        self._resized = chosen.get("resize") is not None
        self._start, self._end = int(chosen.get("start") or 0), chosen.get("end")
        self._stride = int(chosen.get("stride") or 1)
        self._n_frames = len(result)
        stems = _stems(given, expected=video is not None)
        self._by_stem = {stem: number for number, stem in enumerate(stems)}
        self._by_number = {_number(stem): at for at, stem in enumerate(stems) if _number(stem) is not None}

    def find(self, name: str, *, where: str) -> int | None:
        """The store's frame for a name such as `clip/00012.jpg`; None where the run left that frame out.

        Raises:
            InputError: the name has no number, or one that the video has not.
        """
        stem = Path(name).stem
        number = self._by_stem.get(stem)
        if number is None:
            ending = _number(stem)
            if ending is None:
                raise InputError(f"expected a name that ends with a frame's number in {where}, got {name!r}")
            number = self._by_number.get(ending, -1) if self._by_number else ending
            if number < 0:
                raise InputError(f"{where}: {name!r} has neither the name nor the number of an image of {self.video}")
        return self.at(number, where=where)

    def at(self, number: int, *, where: str) -> int | None:
        """The store's frame for frame `number` of the video, from 0; None where the run left that frame out.

        Raises:
            InputError: the video has no such frame.
        """
        after_last = self._start + self._n_frames * self._stride
        if number < 0 or (self._end is None and number >= after_last):
            raise InputError(
                f"{where} is of frame {number}, but the video has frames 0 to {after_last - 1}: count frames from 0, "
                "or say with --video where the images are, so that names can be compared"
            )
        frame, rest = divmod(number - self._start, self._stride)
        return frame if rest == 0 and 0 <= frame < self._n_frames else None

    def check_size(self, height: int, width: int, *, where: str) -> None:
        """Refuse masks of another size than the store's.

        Raises:
            InputError: the sizes differ.
        """
        if (height, width) != self.size:
            advice = "the run shrank its frames: leave out --resize" if self._resized else "is it of the same video?"
            raise InputError(
                f"expected masks of {self.size[1]} x {self.size[0]} px in {where}, got {width} x {height} px; {advice}"
            )


def _stems(path: Path, *, expected: bool) -> list[str]:
    """Names of the images of a folder, in order; none where it is no folder of images, unless that was expected."""
    if not path.is_dir():
        return []
    try:
        return [image.stem for image in image_files(path)]
    except InputError:
        if expected:
            raise
        return []  # of an imported store the input is a folder of annotations


def _number(stem: str) -> int | None:
    """The number that a name ends with."""
    ending = re.search(r"\d+$", stem)
    return int(ending[0]) if ending else None

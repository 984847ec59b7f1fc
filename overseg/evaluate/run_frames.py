"""The frames of a run that annotations belong to."""

from pathlib import Path

from overseg.annotations.annotations import Annotations
from overseg.annotations.placing import place_pictures
from overseg.data.source_frames import SourceFrames
from overseg.errors import InputError
from overseg.output.input_video import source_size_of
from overseg.stages import Report
from overseg.store.result import Result
from overseg.video.image_source import image_files


class RunFrames:
    """Finds the frames of a store by the names and numbers of annotated pictures; `place_pictures` has the rules.

    Names and numbers are those of the input before `--start`, `--end` and `--stride`.

    Attributes:
        size: (height, width) of the run's masks.
        source_size: (height, width) of the input's pictures, where the run shrank them and they are still there; else
            that of the masks.
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
        self.source_size = source_size_of(result, video)
        self.video = given.stem
        self._start, end = int(chosen.get("start") or 0), chosen.get("end")
        self._stride = int(chosen.get("stride") or 1)
        self._n_frames = len(result)
        after_last = self._start + self._n_frames * self._stride
        stems = _stems(given, expected=video is not None)
        if len(stems) <= after_last - self._stride:
            stems = ()  # too few images: the input of an imported store is a folder of annotations, which may have gaps
        self._source = SourceFrames(len(stems) or (after_last if end is None else 0), stems)

    def of(
        self, annotations: Annotations, report: Report | None = None, *, first_number: int | None = None
    ) -> list[int | None]:
        """The store's frame of each picture; None for a frame that the run left out.

        Args:
            annotations: whose pictures are placed.
            report: gets a remark where their numbers could be read in two ways.
            first_number: the number that names and files give the first frame; None to find out.

        Raises:
            InputError: a picture has neither the name nor the number of a frame of the input.
        """
        placed = place_pictures(annotations, self._source, first_number=first_number)
        if placed.remark and report is not None:
            report.event("remark", line=placed.remark)
        return [self._in_store(frame) for frame in placed.frames]

    def _in_store(self, number: int) -> int | None:
        frame, rest = divmod(number - self._start, self._stride)
        return frame if rest == 0 and 0 <= frame < self._n_frames else None


def _stems(path: Path, *, expected: bool) -> tuple[str, ...]:
    """Names of the images of a folder, in order; none where it is no folder of images, unless that was expected."""
    if not path.is_dir():
        return ()
    try:
        return tuple(image.stem for image in image_files(path))
    except InputError:
        if expected:
            raise
        return ()  # of an imported store, the input is a folder of annotations

"""How good the tracks of a result are: `overseg.evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING

from overseg.api.arguments import checked_arguments

if TYPE_CHECKING:
    from contextlib import ExitStack

    from overseg.evaluate.evaluation import Evaluation
    from overseg.stages import Report, Video
    from overseg.store.result import Result


@checked_arguments
def evaluate(
    store: "str | Path | Result",
    truth: str | Path | None = None,
    *,
    skip_ends: bool = False,
    first_number: int | None = None,
    strict: bool = False,
    video: str | Path | None = None,
    report: "Report | None" = None,
) -> "Evaluation":
    """Measure how good the tracks of a result are; what `overseg eval` does. `print` shows a table of the figures.

    Example:
        >>> overseg.evaluate("cup.zarr", "masks").truth_means()["best_track_j"]  # doctest: +SKIP
        0.946

    Args:
        store: a store, or the result in it.
        truth: ground truth: a folder of PNGs (DAVIS), a folder of folders of PNGs (SA-V), or a file of one of the
            formats that `overseg.import_masks` reads. None measures the tracks by themselves only.
        skip_ends: leave out the first and the last annotated frame, as DAVIS does if the first frame is given.
        first_number: the number that names and files of the truth give the first frame; None to find out.
        strict: refuse a truth of which something would be left out.
        video: where the input is now, if it was moved since the run. The temporal stability needs it; if it is None
            and the input is missing, that figure is left out with a remark.
        report: receives the progress; None for a progress bar.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from contextlib import ExitStack

    from overseg.api.results import opened
    from overseg.api.shared import reporting
    from overseg.evaluate.evaluation import evaluate as measure
    from overseg.evaluate.run_frames import RunFrames
    from overseg.evaluate.truth import read_truth

    result = opened(store)
    with ExitStack() as stack:
        told = stack.enter_context(reporting(report))
        known = None
        if truth is not None:
            frames = RunFrames(result, video=video)
            known = read_truth(Path(truth), frames, told, first_number=first_number, strict=strict)
            known = known.without_ends() if skip_ends else known
        return measure(result, known, _video(result, video, told, stack), told)


def _video(result: "Result", path: str | Path | None, report: "Report", stack: "ExitStack") -> "Video | None":
    """The video; None with a remark where it is missing and the caller did not name it."""
    from overseg.errors import InputError
    from overseg.output.input_video import open_input

    try:
        return stack.enter_context(open_input(result, path))
    except InputError as e:
        if path is not None:
            raise
        report.event("remark", line=f"temporal stability is left out: {e}")
        return None

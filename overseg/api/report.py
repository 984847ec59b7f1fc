"""A page that shows a result to someone else: `overseg.report`."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from overseg.errors import InputError

if TYPE_CHECKING:
    from overseg.output.report_page import Figures
    from overseg.stages import Report, Video
    from overseg.store.result import Result


def write_report(
    result: "Result",
    destination: str | Path,
    *,
    gt: str | Path | None = None,
    video: str | Path | None = None,
    report: "Report",
) -> None:
    """Write one HTML file about a result: pictures, charts, figures and settings. What `overseg report` does.

    Args:
        result: with or without edits.
        destination: the file; an older one is replaced.
        gt: ground truth, as for `overseg eval`.
        video: where the input is now, if it was moved. Without a video the pictures are grey.
        report: receives the progress.

    Raises:
        InputError: the file cannot be written, or the ground truth or a given video cannot be read.
    """
    from overseg.files.atomic import replacing
    from overseg.output.input_video import open_input
    from overseg.output.report_clip import report_clip
    from overseg.output.report_page import report_page
    from overseg.output.sheet import contact_sheet

    remarks = []
    with ExitStack() as stack:
        frames: Video | None = None
        try:
            frames = stack.enter_context(open_input(result, video))
        except InputError as e:
            if video is not None:
                raise
            remarks.append(f"The video is missing, so masks are shown on grey. {e}")
        sheet = contact_sheet(result, frames)
        clip = report_clip(result, frames, report) if len(result) else b""
        figures = _figures(result, gt, video, frames, report)
    page = report_page(result, sheet, clip, figures, remarks=remarks)
    try:
        with replacing(Path(destination)) as temporary:
            temporary.write_text(page, "utf-8")
    except OSError as e:
        raise InputError(f"cannot write {destination}: {e.strerror}; check that its folder exists and has room") from e


def _figures(
    result: "Result", gt: str | Path | None, path: str | Path | None, video: "Video | None", report: "Report"
) -> "Figures":
    from overseg.evaluate.evaluation import evaluate
    from overseg.evaluate.run_frames import RunFrames
    from overseg.evaluate.truth import read_truth
    from overseg.output.report_page import Figures

    truth = None if gt is None else read_truth(Path(gt), RunFrames(result, video=path), report)
    found = evaluate(result, truth, video if truth is not None else None, report)
    objects = found.as_json()["ground_truth"]["objects"] if truth is not None else []
    return Figures(found.means(), found.truth_means(), objects)

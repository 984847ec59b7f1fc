"""A detector of one's own, from masks: `overseg.train_detector`."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overseg.api.arguments import checked_arguments
from overseg.api.shared import reporting
from overseg.data.setting import check_range
from overseg.errors import InputError, SettingsError

if TYPE_CHECKING:
    from overseg.stages import Report

_BASE = "yolo11s.pt"
_OWN, _ULTRALYTICS = ".onnx", ".pt"  # file name suffixes of detectors
_STRIDE_PX = 32  # of both kinds of networks


@checked_arguments
def train_detector(
    store: str | Path,
    output: str | Path,
    *,
    train_frames: int = 250,
    epochs: int = 300,
    patience: int = 50,
    image_size: int = 640,
    base: str | None = None,
    dataset: str | Path | None = None,
    video: str | Path | None = None,
    device: str = "auto",
    overwrite: bool = False,
    report: "Report | None" = None,
) -> Path:
    """Train a detector on the masks of a store; what `overseg detector train` does.

    Example:
        >>> overseg.track("mice.mp4", "first.zarr", points=overseg.Point("mouse", 701, 446), end=250)  # doctest: +SKIP
        >>> overseg.train_detector("first.zarr", "mice.onnx")  # doctest: +SKIP
        >>> overseg.track("mice.mp4", "mice.zarr", detector="mice.onnx")  # doctest: +SKIP

    Args:
        store: of `overseg track`; the categories of its tracks are those of the detector.
        output: the file to write, .onnx for a small detector of overseg's own, .pt for one of ultralytics.
        train_frames: how many frames to train on, from the first; each fifth is kept back for validation.
        epochs: how often every frame is seen, at most.
        patience: training ends when so many epochs brought nothing better.
        image_size: side in pixels of the square in which the detector sees frames.
        base: what ultralytics starts from; None for yolo11s.pt.
        dataset: folder for the data set in YOLO's layout; None for one beside the detector.
        video: where the store's input is now, if it was moved.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        overwrite: replace an older detector.
        report: receives the progress of every step; None for progress bars on a terminal.

    Returns:
        The detector's file.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.detect.dataset import write_dataset
    from overseg.edits.reading import open_edited
    from overseg.files.destination import written
    from overseg.presets import resolve_device

    output, training = Path(output), _Training(epochs, patience, image_size)
    check_range("train_frames", train_frames, int, 1, None)
    _check_output(output, base, overwrite=overwrite)
    found_device = resolve_device(device, needs_torch=True)
    folder = Path(dataset) if dataset is not None else output.with_name(f"{output.stem}_dataset")
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        result = open_edited(store)
        description = write_dataset(result, folder, n_frames=train_frames, video=video, report=report)
        place = stack.enter_context(written(output, overwrite=overwrite))
        if _is_own(output):
            from overseg.detect.small_training import train as train_small

            train_small(folder, place / output.name, **vars(training), device=found_device, report=report)
        else:
            from overseg.detect.ultralytics_pt import train as train_ultralytics

            train_ultralytics(description, base or _BASE, place / output.name, **vars(training), device=found_device)
    return output


@dataclass(frozen=True)
class _Training:
    """How long a detector is trained, and at which size; see `train_detector`."""

    epochs: int
    patience: int
    image_size: int

    def __post_init__(self) -> None:
        """Refuse what cannot be; SettingsError names the option, what it takes and what came."""
        check_range("epochs", self.epochs, int, 1, None)
        check_range("patience", self.patience, int, 1, None)
        check_range("image_size", self.image_size, int, _STRIDE_PX, 4096)
        if self.image_size % _STRIDE_PX:
            raise SettingsError(f"--image-size takes a multiple of {_STRIDE_PX}, not {self.image_size}")


def _check_output(output: Path, base: str | None, *, overwrite: bool) -> None:
    """Refuse a file that is no detector's, that is there already, or that nothing here can train."""
    if output.suffix.lower() not in (_OWN, _ULTRALYTICS):
        raise SettingsError(f"a detector's file ends in {_OWN} or {_ULTRALYTICS}, not {output}")
    if _is_own(output) and base is not None:
        raise SettingsError("--base is of ultralytics' detectors: name one as .pt, or leave it out")
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists already: choose another name, or replace it with --overwrite")
    if not _is_own(output):
        from overseg.detect.ultralytics_pt import check_installed

        check_installed(output)


def _is_own(output: Path) -> bool:
    return output.suffix.lower() == _OWN

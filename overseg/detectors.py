"""The way from Python to a detector of one's own: `overseg.train_detector`, the same as the command line."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from overseg.data.settings import check_range
from overseg.errors import InputError, SettingsError

if TYPE_CHECKING:
    from overseg.stages import Report

_BASE = "yolo11s.pt"


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
        >>> overseg.track("mice.mp4", "first.zarr", points=["mouse:701,446,1"], end=250)  # doctest: +SKIP
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
        report: is told of every step; None for progress bars on a terminal.

    Returns:
        The detector's file.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.detect.dataset import write_dataset
    from overseg.interchange.destination import written
    from overseg.presets import resolve_device
    from overseg.report import TerminalReport
    from overseg.store.result import open_result

    output = Path(output)
    for name, value, least in (("train_frames", train_frames, 1), ("epochs", epochs, 1), ("patience", patience, 1)):
        check_range(name, value, int, least, None)
    check_range("image_size", image_size, int, 32, 4096)
    if image_size % 32:
        raise SettingsError(f"--image-size takes a multiple of 32, not {image_size}")
    if output.suffix.lower() not in (".onnx", ".pt"):
        raise SettingsError(f"a detector's file ends in .onnx or .pt, not {output}")
    is_own = output.suffix.lower() == ".onnx"
    if is_own and base is not None:
        raise SettingsError("--base is of ultralytics' detectors: name one as .pt, or leave it out")
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists already: choose another name, or replace it with --overwrite")
    found_device = resolve_device(device, needs_torch=True)
    folder = Path(dataset) if dataset is not None else output.with_name(f"{output.stem}_dataset")
    with ExitStack() as stack:
        report = report or stack.enter_context(closing(TerminalReport()))
        if not is_own:
            from overseg.detect.ultralytics_pt import check_installed

            check_installed(output)
        result = open_result(store)
        description = write_dataset(result, folder, n_frames=train_frames, video=video, report=report)
        place = stack.enter_context(written(output, overwrite=overwrite))
        if is_own:
            from overseg.detect.small_training import train as train_small

            train_small(
                folder,
                place / output.name,
                epochs=epochs,
                patience=patience,
                image_size=image_size,
                device=found_device,
                report=report,
            )
        else:
            from overseg.detect.ultralytics_pt import train as train_ultralytics

            train_ultralytics(
                description,
                base or _BASE,
                place / output.name,
                epochs=epochs,
                patience=patience,
                image_size=image_size,
                device=found_device,
            )
    return output

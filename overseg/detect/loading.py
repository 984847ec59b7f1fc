"""Loads the parts of a detector of transformers from a folder."""

from pathlib import Path
from typing import Any

from overseg.data.frame import Frame
from overseg.errors import DeviceError, WeightsError


def from_folder(folder: Path, title: str, *classes: Any) -> list[Any]:
    """What each of these classes of transformers reads from a folder.

    Args:
        folder: weights and processor, as transformers writes them.
        title: the model that is expected, for people.
        classes: each with `from_pretrained`.

    Raises:
        WeightsError: the folder is damaged, or lacks something.
    """
    try:
        return [one.from_pretrained(folder, local_files_only=True) for one in classes]
    except Exception as e:  # damage of many kinds, and errors of as many
        reason = next(iter(str(e).splitlines()), type(e).__name__)[:200]
        raise WeightsError(f"{title} cannot be read from {folder}: {reason}; fetch it again") from e


def on_device(model: Any, device: str) -> Any:
    """The model on a device, ready for inference.

    Raises:
        DeviceError: the device is not available.
    """
    try:
        return model.to(device).eval()
    except (RuntimeError, AssertionError) as e:
        raise DeviceError(f"--device {device} is not available: {str(e).splitlines()[0]}") from e


def pictures(images: Any, frame: Frame) -> Any:
    """A frame as a model takes it, by its image processor, which could take a narrow one for channels otherwise."""
    return images(images=frame.rgb, input_data_format="channels_last", return_tensors="pt")

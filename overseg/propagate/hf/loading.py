"""Loads a tracking model of transformers from a folder of its weights."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from overseg.errors import DeviceError, SettingsError, WeightsError
from overseg.propagate.hf.family import HfFamily
from overseg.propagate.hf.tracker import HfTracker
from overseg.transformers_extra import check_model_type, import_transformers


def load_tracker(
    folder: Path | str, family: HfFamily, *, device: str = "cpu", image_size: int | None = None
) -> HfTracker:
    """The model in a folder, in float32, ready for inference.

    Args:
        folder: `config.json` and `model.safetensors`, as the model's authors publish them for transformers.
        family: the model that they have to be of.
        device: "cpu", "cuda", "cuda:1", "mps".
        image_size: side in pixels of the square that frames are resized to; None for the model's own.

    Raises:
        SettingsError: transformers, or what the model needs beside it, is missing or too old, or the side does not fit.
        WeightsError: the folder is missing or damaged, or holds another model.
        DeviceError: the device is not available.
    """
    transformers = import_transformers(family.title)
    for package in family.needs:
        if find_spec(package) is None:
            raise SettingsError(f"{family.title} needs {package}: pip install 'overseg[transformers]'")
    path = Path(folder)
    check_model_type(path, (family.model_type, *family.accepted_types), title=family.title)
    model_class = getattr(transformers, family.model)
    config = model_class.config_class.from_pretrained(path, local_files_only=True)
    if isinstance(getattr(config, "tracker_config", None), dict):
        config = model_class.config_class(**config.tracker_config)
    if image_size is not None and image_size != family.image_size:
        check_size(image_size, family)
        family.resize(config, image_size)
    model = _weighted(model_class, path, config)
    try:
        return HfTracker(model.to(device).eval(), family)
    except (RuntimeError, AssertionError) as e:
        raise DeviceError(
            f"expected a usable device, got {device!r}: {str(e).splitlines()[0]}; try --device cpu"
        ) from e


def check_size(image_size: int, family: HfFamily) -> None:
    """Refuse with SettingsError a side in pixels that the model cannot have."""
    if image_size <= 0 or image_size % family.size_multiple:
        nearest = max(1, round(image_size / family.size_multiple)) * family.size_multiple
        raise SettingsError(
            f"expected {family.image_size} or a multiple of {family.size_multiple} as {family.title}'s image size, "
            f"got {image_size}; try {nearest}"
        )


def _weighted(model_class: Any, path: Path, config: Any) -> Any:
    """The model with the weights of a folder; WeightsError where one of them is missing."""
    import torch

    try:
        model, info = model_class.from_pretrained(
            path, config=config, local_files_only=True, output_loading_info=True, dtype=torch.float32
        )
    except Exception as e:  # safetensors and transformers raise errors of many kinds, for damage of many kinds
        raise WeightsError(f"the weights in {path} cannot be read: {_first_line(e)}; fetch them again") from e
    missing = sorted([*info["missing_keys"], *(str(key) for key in info["mismatched_keys"])])
    if missing:
        raise WeightsError(
            f"the weights in {path} lack {len(missing)} of {model_class.__name__}, such as {missing[0]}; "
            "fetch them again"
        )
    return model


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]

"""Objects of the first frame by a detector, each with the mask that SAM sees in its box."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.autotracking.first_frame import Found
from overseg.build import build_prompt_masks, find_weights
from overseg.data.frame import Frame
from overseg.data.prompts import Prompts
from overseg.errors import InputError
from overseg.track_choice import choose_tracking

if TYPE_CHECKING:
    from overseg.stages import Report


def detected(
    detector: Path,
    confidence: float,
    changes: dict[str, Any],
    device: str,
    report: "Report",
    frame: Frame,
    picture: Path,
) -> Found:
    """The objects that a detector is sure enough of, the surest first, called by their category and a number.

    Args:
        detector: its file, .onnx or .pt.
        confidence: how sure it must be, in [0, 1].
        changes: settings of the SAM that makes masks of the boxes; see `TrackSettings`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        report: is told of weights that have to be fetched.
        frame: the first frame.
        picture: a file of it.

    Raises:
        InputError: it is sure enough of nothing.
        WeightsError: one of the models cannot be used.
    """
    from overseg.detect.opening import open_detector

    choice = choose_tracking(device, {**changes, "propagator": "flow"}, masks_alone=False, report=report)
    model = open_detector(detector, device=choice.device)
    seen = model.detect(frame)
    sure = seen.take(seen.confidence > confidence)
    if not len(sure):
        best = f"the surest has {seen.confidence[0]:.2f}" if len(seen) else "it finds nothing at all"
        raise InputError(
            f"{detector} finds no object on the first frame with more confidence than {confidence:g} ({best}): "
            "lower --confidence"
        )
    find_weights(choice.settings.of_stages(), report=report)
    prompts = Prompts.of_boxes(
        frame.size, object=range(len(sure)), frame=frame.index, boxes_xyxy=sure.boxes_xyxy.tolist()
    )
    masks = build_prompt_masks(choice.settings, device=choice.device).masks(frame, prompts)
    return Found(masks.rles, _numbered([model.categories[number] for number in sure.category.tolist()]))


def _numbered(categories: list[str]) -> tuple[str, ...]:
    """`cup_1`, `cup_2`: without the commas and spaces that stand between names elsewhere."""
    counted: Counter[str] = Counter()
    names = []
    for category in ("_".join(category.replace(",", " ").split()) for category in categories):
        counted[category] += 1
        names.append(f"{category}_{counted[category]}")
    return tuple(names)

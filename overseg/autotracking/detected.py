"""Objects of one of the first frames by a detector, each with the mask that SAM sees in its box."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.track_choice import choose_tracking
from overseg.autotracking.first_frame import Found
from overseg.build import build_prompt_masks, build_redetection, find_weights
from overseg.data.machine import Machine
from overseg.data.prompts import Prompts
from overseg.data.shot import Shot
from overseg.errors import InputError
from overseg.stages import Video

if TYPE_CHECKING:
    from overseg.stages import Report


def detected(
    detector: Path,
    confidence: float,
    n_frames: int,
    categories: Sequence[str],
    changes: dict[str, Any],
    device: str,
    report: "Report",
    video: Video,
    picture: Path,
) -> Found:
    """The objects that a detector is sure enough of, on the first frame on which there are any.

    The surest comes first, and each is called by its category and a number.

    Args:
        detector: its file, .onnx or .pt.
        confidence: how sure it must be, in [0, 1].
        n_frames: on so many frames it looks at most, from the first on.
        categories: what it looks for; nothing for all that it knows.
        changes: settings of the SAM that makes masks of the boxes; see `TrackSettings`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        report: is told of weights that have to be fetched.
        video: in the size of its pictures.
        picture: a file of its first frame.

    Raises:
        InputError: it is sure enough of nothing.
        SettingsError: it knows no such category.
        WeightsError: one of the models cannot be used.
    """
    wanted = {**changes, "propagator": "flow", "confidence": confidence}
    choice = choose_tracking(device, wanted, masks_alone=False, report=report)
    redetection = build_redetection(detector, choice.settings, Machine(choice.device), categories=categories)
    found = redetection.first(video, Shot(0, min(n_frames, len(video)) - 1))
    if found is None:
        surest = redetection.surest
        best = f"the surest has {surest[0]:.2f}, on frame {surest[1]}" if surest else "it finds nothing at all"
        raise InputError(
            f"{detector} finds no object with more confidence than {confidence:g} on the frames that it looks at, "
            f"{min(n_frames, len(video))} ({best}): lower --confidence, or look at more with --detector-frames"
        )
    sure, frame = found.detections, video[found.frame]
    find_weights(choice.settings.of_stages(), report=report)
    prompts = Prompts.of_boxes(
        frame.size, object=range(len(sure)), frame=frame.index, boxes_xyxy=sure.boxes_xyxy.tolist()
    )
    masks = build_prompt_masks(choice.settings, Machine(choice.device)).masks(frame, prompts)
    names = _numbered([redetection.detector.categories[number] for number in sure.category.tolist()])
    return Found(masks.rles, names, frame=found.frame)


def _numbered(categories: list[str]) -> tuple[str, ...]:
    """`cup_1`, `cup_2`: without the commas and spaces that stand between names elsewhere."""
    counted: Counter[str] = Counter()
    names = []
    for category in ("_".join(category.replace(",", " ").split()) for category in categories):
        counted[category] += 1
        names.append(f"{category}_{counted[category]}")
    return tuple(names)

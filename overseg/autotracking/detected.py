"""Finds objects on one of the first frames with a detector, and their masks with SAM."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overseg.api.track_choice import choose_tracking
from overseg.autotracking.first_frame import FoundObjects
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
) -> FoundObjects:
    """Return the objects that a detector finds, on the first frame with a confident detection.

    Objects are ordered by decreasing confidence, and named by their category and a number.

    Args:
        detector: the detector's file, .onnx or .pt.
        confidence: minimum confidence, in [0, 1].
        n_frames: maximum number of frames to search, from the first on.
        categories: categories to detect; empty for all.
        changes: settings of the SAM that makes masks of the boxes; see `TrackSettings`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        report: receives the progress of fetching weights.
        video: the video, not resized.
        picture: a file of its first frame.

    Raises:
        InputError: no detection is confident enough.
        SettingsError: the detector has no such category.
        WeightsError: one of the models cannot be used.
    """
    wanted = {**changes, "propagator": "flow", "confidence": confidence}
    choice = choose_tracking(device, wanted, masks_alone=False, report=report)
    machine = Machine(choice.device)
    redetection = build_redetection(detector, choice.settings, machine, categories=categories, report=report)
    found = redetection.first(video, Shot(0, min(n_frames, len(video)) - 1))
    if found is None:
        surest = redetection.highest
        best = f"the best has {surest[0]:.2f}, on frame {surest[1]}" if surest else "it finds nothing"
        raise InputError(
            f"{detector} finds no object with more confidence than {confidence:g} on the first "
            f"{min(n_frames, len(video))} frames ({best}): lower --confidence, or raise --detector-frames"
        )
    sure, frame = found.detections, video[found.frame]
    find_weights(choice.settings.of_stages(), report=report)
    prompts = Prompts.of_boxes(
        frame.size, object=range(len(sure)), frame=frame.index, boxes_xyxy=sure.boxes_xyxy.tolist()
    )
    masks = build_prompt_masks(choice.settings, machine).masks(frame, prompts)
    names = _numbered([redetection.detector.categories[number] for number in sure.category.tolist()])
    return FoundObjects(masks.rles, names, frame=found.frame)


def _numbered(categories: list[str]) -> tuple[str, ...]:
    """Number the objects of each category, as `cup_1`, `cup_2`; without commas and spaces, which separate names."""
    counted: Counter[str] = Counter()
    names = []
    for category in ("_".join(category.replace(",", " ").split()) for category in categories):
        counted[category] += 1
        names.append(f"{category}_{counted[category]}")
    return tuple(names)

"""The masks of one picture: `overseg.segment`."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from overseg.api.arguments import checked_arguments
from overseg.api.run import SettingsChanges
from overseg.api.shared import name_of_input, out_of_memory_as_error, reporting
from overseg.data.frame import Frame
from overseg.data.masks import KeyframeMasks
from overseg.data.rles import Rles
from overseg.errors import SettingsError

if TYPE_CHECKING:
    from overseg.prompts.given import Box, Point
    from overseg.prompts.objects import Pointed
    from overseg.stages import Report
    from overseg.video.buffered import BufferedVideo


@checked_arguments
def segment(
    image: "str | Path | Iterable[np.ndarray]",
    output: str | Path | None = None,
    *,
    points: "str | Point | Sequence[str | Point] | None" = None,
    boxes: "str | Box | Sequence[str | Box] | None" = None,
    auto: bool = False,
    frame: int = 0,
    mask_threshold: float = 0.0,
    overlay: str | Path | None = None,
    device: str = "auto",
    overwrite: bool = False,
    report: "Report | None" = None,
    **changes: Unpack[SettingsChanges],
) -> KeyframeMasks:
    """Masks of one picture, of prompted objects or of everything; what `overseg segment` does.

    Example:
        >>> on, beside = overseg.Point("cup", 120, 80), overseg.Point("cup", 10, 10, label=0)
        >>> overseg.segment("cup.jpg", "cup.png", points=[on, beside]).predicted_iou  # doctest: +SKIP
        array([0.97], dtype=float32)

    Args:
        image: a picture, as a file or as an array of uint8 [h, w, 3]; of a video, a folder of images or several
            arrays, one frame.
        output: what is written: a .png for a single mask, a .json or .npz file, or a folder; None for nothing.
        points: one or several `Point` of one object, in pixels; or texts such as "x,y,label", "x,y:pos" and "x,y:neg".
            SAM answers a single point with three masks, of which the one with the highest predicted IoU is taken.
        boxes: one or several `Box`, in pixels, each around an object of its own; or texts such as "x1,y1,x2,y2". With
            points there may be one.
        auto: all masks of the picture, in place of points and boxes.
        frame: number of the frame.
        mask_threshold: masks of points and boxes lie where SAM's logits are above this.
        overlay: a picture to write with the masks drawn over it.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        overwrite: replace what `output` names.
        report: receives the progress of a download of weights; None for progress bars on a terminal.
        changes: settings that differ from their defaults, such as `weights`; with `auto` all of those that say how
            masks are made. See `Settings`.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.files.destination import check_free
    from overseg.interchange.picture_masks import check_masks_name, write_masks
    from overseg.output.picture_file import check_picture_name
    from overseg.output.spare_input import spare_input
    from overseg.video.open import open_video

    pointed = _pointed(points, boxes, auto=auto)
    if output is not None:
        check_masks_name(Path(output), may_be_many=auto or len({one.name for one in pointed}) > 1)
        spare_input(output, name_of_input(image))
        check_free(Path(output), overwrite=overwrite)
    if overlay is not None:
        check_picture_name(overlay)
        spare_input(overlay, name_of_input(image))
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        stack.enter_context(out_of_memory_as_error())
        video = stack.enter_context(open_video(image, resize=changes.get("resize")))
        if not 0 <= frame < len(video):
            raise SettingsError(f"--frame is one of the frames 0 to {len(video) - 1} of {video.info.name}, not {frame}")
        if auto:
            masks = _all_masks(video[frame], dict(changes), device, report)
        else:
            masks = _masks_of(pointed, video, frame, mask_threshold, dict(changes), device, report)
        if output is not None:
            write_masks(Path(output), masks, overwrite=overwrite)
        if overlay is not None:
            _draw(Path(overlay), video[frame], masks)
    return masks


def _pointed(
    points: "str | Point | Sequence[str | Point] | None", boxes: "str | Box | Sequence[str | Box] | None", *, auto: bool
) -> "list[Pointed]":
    """The prompts: one object where there are points."""
    from overseg.prompts.given import Box, Point, given_list
    from overseg.prompts.labelled_points import boxes_of, points_of

    if auto is (points is not None or boxes is not None):
        raise SettingsError("expected --auto for all masks, or --point x,y,label or --box x1,y1,x2,y2")
    found = [] if boxes is None else boxes_of(given_list(boxes, Box))
    if points is None:
        return found
    if len(found) > 1:
        raise SettingsError(f"all --point are of one object, with one --box at most, not {len(found)}")
    clicked = points_of(given_list(points, Point))
    return [clicked, *(replace(box, name=clicked.name) for box in found)]


def _all_masks(frame: Frame, changes: dict[str, Any], device: str, report: "Report") -> KeyframeMasks:
    from overseg.build import build_stages, find_weights
    from overseg.data.machine import Machine
    from overseg.presets import choose

    choice = choose(None, device, {**changes, "propagator": "none"}, report=report)
    find_weights(choice.settings, report=report)
    generator = build_stages(choice.settings, Machine(choice.device)).generator
    return generator.generate(frame, Rles.empty(frame.size))


def _masks_of(
    pointed: "list[Pointed]",
    video: "BufferedVideo",
    frame: int,
    mask_threshold: float,
    changes: dict[str, Any],
    device: str,
    report: "Report",
) -> KeyframeMasks:
    from overseg.api.track_choice import choose_tracking
    from overseg.build import build_prompt_masks, find_weights
    from overseg.data.machine import Machine
    from overseg.data.setting import option
    from overseg.data.track_settings import TrackSettings
    from overseg.prompts.objects import gather

    for name in changes:
        if name not in TrackSettings.names():
            raise SettingsError(f"{option(name)} is for --auto, which is not given: leave it out")
    objects = gather(pointed, input_size=video.source_size, size=video.info.size, frame=frame)
    changes = {**changes, "propagator": "flow", "mask_threshold": mask_threshold}
    choice = choose_tracking(device, changes, masks_alone=False, report=report)
    find_weights(choice.settings.of_stages(), report=report)
    found = build_prompt_masks(choice.settings, Machine(choice.device)).masks(video[frame], objects.prompts)
    return replace(KeyframeMasks.from_rles(found.rles), predicted_iou=found.score)


def _draw(path: Path, frame: Frame, masks: KeyframeMasks) -> None:
    from overseg.interchange.imported import imported_masks
    from overseg.output.overlay import draw_masks
    from overseg.output.picture_file import write_picture

    write_picture(path, draw_masks(frame.rgb, imported_masks(masks.rles, np.arange(len(masks)))))

"""Follow objects that a user prompts: `overseg.track`."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from overseg.api.arguments import checked_arguments
from overseg.api.shared import (
    SharedChanges,
    check_cache_is_used,
    feature_cache_bytes,
    identity_of,
    name_of_input,
    out_of_memory_as_error,
    provenance,
    reporting,
)
from overseg.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np

    from overseg.api.result import Result
    from overseg.api.track_choice import TrackChoice
    from overseg.data.prompts import Prompts
    from overseg.data.track_settings import TrackSettings
    from overseg.output.tracked import TrackedOutputs
    from overseg.prompts.arguments import PromptArguments
    from overseg.prompts.given import Box, Mask, Point
    from overseg.prompts.objects import PromptedObjects
    from overseg.prompts.prompted_frames import PromptedFrames
    from overseg.stages import Report
    from overseg.video.buffered import BufferedVideo


class TrackChanges(SharedChanges, total=False):
    """The fields of `TrackSettings` that differ from their defaults; see there."""

    propagator: str
    mask_threshold: float
    step: int
    subsequence: int | None
    confidence: float
    min_area_px: int


@checked_arguments
def track(
    input: "str | Path | Iterable[np.ndarray]",
    output: str | Path,
    *,
    prompts: "str | Path | Prompts | PromptedObjects | None" = None,
    boxes: "Box | str | Sequence[Box | str]" = (),
    points: "Point | str | Sequence[Point | str]" = (),
    masks: "Mask | str | Sequence[Mask | str]" = (),
    prompt_frame: int | None = None,
    first_number: int | None = None,
    strict: bool = False,
    click: bool = False,
    detector: str | Path | None = None,
    categories: Sequence[str] = (),
    text: "str | Sequence[str]" = (),
    outputs: "TrackedOutputs | None" = None,
    outputs_folder: str | Path = ".",
    device: str = "auto",
    feature_cache: str | int | None = None,
    overwrite: bool = False,
    report: "Report | None" = None,
    **changes: Unpack[TrackChanges],
) -> "Result":
    """Follow prompted objects through a video; what `overseg track` does.

    Example:
        >>> cup = overseg.Box("cup", 120, 80, 260, 300)
        >>> result = overseg.track("cup.mp4", "cup.zarr", boxes=cup)  # doctest: +SKIP
        >>> result.names[0].name, result.masks_of(0).rles.area_px()  # doctest: +SKIP

    Args:
        input: a video file in any container that FFmpeg reads, a folder of images, or arrays of uint8 [h, w, 3].
        output: the store to write. One made of the same video, prompts and settings is continued.
        prompts: a file that points out objects, see `read_prompts`; masks that are known on some frames, in any format
            that `import_masks` reads, or in a store; or prompts in pixels of the processed frames.
        boxes: one or several `Box`, in pixels of the input's pictures.
        points: one or several `Point`, in the same pixels; those of one name are of one object.
        masks: one or several `Mask`, arrays or pictures of the input's size. Boxes, points and masks may also be texts
            as on the command line: `name:x1,y1,x2,y2`, `name:x,y,label`, `name:FILE`; `name@12:…` is on frame 12. An
            object may be prompted on several frames.
        prompt_frame: number of the processed frame of prompts that do not say one; None for that of the image that a
            file names, or 0.
        first_number: the number that names and files of known masks give the first frame; None to find out.
        strict: refuse known masks of which something would be left out.
        click: open a page on this machine, and print its address, to click on the objects on the prompt frame.
        detector: a detector as .onnx, or .pt with ultralytics, that finds objects in every sub-sequence that has no
            prompts; then there need be none at all.
        categories: names of the detector's categories to find; empty for all of them.
        text: objects to find in every sub-sequence, described in words, such as "a cup". The detector is then one that
            takes words, by name or folder of its weights; None for Grounding DINO.
        outputs: files that describe the tracks, such as a video of them; None for the store alone.
        outputs_folder: a folder for these files, made where it is missing.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        feature_cache: host memory for SAM 2's image features, such as "4G", which None is.
        overwrite: discard what the store holds.
        report: receives the progress of every step; None for progress bars on a terminal.
        changes: settings that differ from their defaults; see `TrackSettings`.

    Returns:
        The published result, a track for each object that is seen; `names` says what they are called.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.api.results import open
    from overseg.output.tracked import check_tracked, write_tracked
    from overseg.prompts.arguments import PromptArguments
    from overseg.prompts.prompted_frames import PromptedFrames
    from overseg.video.open import open_chosen

    cache_bytes, outputs_folder = feature_cache_bytes(feature_cache), Path(outputs_folder)
    if outputs is not None:
        check_tracked(outputs_folder, outputs, name_of_input(input), output)
    with ExitStack() as stack:
        report = stack.enter_context(reporting(report))
        video = stack.enter_context(open_chosen(input, dict(changes), report))
        stack.enter_context(out_of_memory_as_error())
        given = PromptArguments(
            prompts=prompts, boxes=boxes, points=points, masks=masks, first_number=first_number, strict=strict
        )
        objects = _objects(video, given, PromptedFrames.of(video, prompt_frame), click=click, report=report)
        texts = (text,) if isinstance(text, str) else tuple(text)
        targets = _targets(objects, detector, tuple(categories), texts, report)
        choice = _choice(targets, device, dict(changes), feature_cache, report)
        _work(video, name_of_input(input), output, choice, targets, cache_bytes, overwrite=overwrite, report=report)
        result = open(output)
        if outputs is not None:
            write_tracked(result, outputs_folder, outputs, video=video, report=report)
    return result


def track_objects(
    video: "BufferedVideo",
    input: str,
    output: Path,
    objects: "PromptedObjects",
    changes: dict[str, Any],
    *,
    device: str,
    overwrite: bool,
    report: "Report",
) -> "Result":
    """Track objects in a video that is open; the arguments are as in `track`, and `input` is what the video is of."""
    from overseg.api.results import open

    objects.prompts.check(video.info)
    targets = _Targets(objects, None, ())
    choice = _choice(targets, device, dict(changes), None, report)
    cache_bytes = feature_cache_bytes(None)
    _work(video, input, output, choice, targets, cache_bytes, overwrite=overwrite, report=report)
    return open(output)


_WAYS = (
    "--prompts FILE, --box name:x1,y1,x2,y2, --point x,y,label, --mask name:FILE, --click, --detector FILE "
    "or --text WORDS"
)
_DETECTOR_SUBSEQUENCE = 100


@dataclass(frozen=True)
class _Targets:
    """What to follow: prompted objects, detected ones, or both."""

    objects: "PromptedObjects | None"
    detector: Path | None
    categories: tuple[str, ...]
    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse with SettingsError no targets at all, and categories without a detector."""
        if self.objects is None and self.detector is None:
            raise SettingsError(f"expected something to follow: {_WAYS}")
        if self.categories and self.detector is None:
            raise SettingsError("--category is of what a detector finds, and there is none: add --detector")

    @property
    def is_masks_alone(self) -> bool:
        """Whether no model is needed to see what is meant."""
        return self.detector is None and self.objects is not None and bool(self.objects.prompts.has_mask.all())


def _targets(
    objects: "PromptedObjects | None",
    detector: str | Path | None,
    categories: tuple[str, ...],
    texts: tuple[str, ...],
    report: "Report",
) -> _Targets:
    """What is given; the weights of a detector that takes words are fetched where they are missing."""
    if not texts:
        return _Targets(objects, None if detector is None else Path(detector), categories)
    from overseg.build import words_weights
    from overseg.detect.words import checked_texts

    if categories:
        raise SettingsError("--category is of a detector that knows categories, and --text finds what words say")
    texts = checked_texts(texts)
    return _Targets(objects, words_weights(detector, report=report), (), texts)


def _objects(
    video: "BufferedVideo", given: "PromptArguments", frames: "PromptedFrames", *, click: bool, report: "Report"
) -> "PromptedObjects | None":
    """What is given, and what a person clicks on; None for nothing."""
    pointed, remarks = given.pointed(frames)
    for line in remarks:
        report.event("remark", line=line)
    if click:
        from overseg.prompts.click_page import ask_for_points

        pointed += ask_for_points(
            video[frames.default].rgb,
            video.source_size,
            show_url=lambda url: report.event("remark", line=f"click on the objects at {url}"),
        )
    return given.objects(pointed, video, frames)


def _choice(
    targets: _Targets, device: str, changes: dict[str, Any], feature_cache: str | int | None, report: "Report"
) -> "TrackChoice":
    """Complete settings; SettingsError for one that nothing would use."""
    from overseg.api.track_choice import choose_tracking

    if targets.detector is not None:
        changes["subsequence"] = changes.get("subsequence") or _DETECTOR_SUBSEQUENCE
        if targets.texts:
            from overseg.detect.words import DEFAULT_CONFIDENCE

            changes.setdefault("confidence", DEFAULT_CONFIDENCE)
    elif "confidence" in changes:
        raise SettingsError("--confidence is of a detector's boxes, and there is none: add --detector")
    choice = choose_tracking(device, changes, masks_alone=targets.is_masks_alone, report=report)
    check_cache_is_used(feature_cache, choice.settings.propagator)
    return choice


def _work(
    video: "BufferedVideo",
    input: str,
    output: str | Path,
    choice: "TrackChoice",
    targets: _Targets,
    cache_bytes: int,
    *,
    overwrite: bool,
    report: "Report",
) -> None:
    from overseg.build import build_follower, build_redetection
    from overseg.data.machine import Machine
    from overseg.engine.follow.track import follow_objects
    from overseg.prompts.arguments import fingerprint_of
    from overseg.store.zarr_store import ZarrStore

    settings, objects = choice.settings, targets.objects
    machine = Machine(choice.device, cache_bytes)
    redetection = None
    if targets.detector is not None:
        redetection = build_redetection(
            targets.detector,
            settings,
            machine,
            categories=targets.categories,
            texts=targets.texts,
            report=report,
        )
    weights = _weights(settings, targets.detector, report)
    what: dict[str, Any] = {"prompts": None if objects is None else fingerprint_of(objects)}
    if targets.categories:
        what["categories"] = sorted(set(targets.categories))
    if targets.texts:
        what["texts"] = list(targets.texts)
    with ZarrStore.create_or_resume(
        output,
        identity=identity_of(video.info, settings, weights, device=choice.device) | what,
        provenance=provenance(input, choice.device, weights),
        size=video.info.size,
        overwrite=overwrite,
    ) as store:
        if store.final:
            report.event("remark", line=f"{output} is complete already: nothing to do")
            return
        propagator = build_follower(settings, machine)
        report.event("remark", line=choice.line)
        follow_objects(
            video,
            propagator,
            objects,
            store,
            subsequence=settings.subsequence,
            redetection=redetection,
            min_area_px=settings.min_area_px,
            report=report,
        )


def _weights(settings: "TrackSettings", detector: Path | None, report: "Report") -> dict[str, dict[str, Any]]:
    """The checkpoints at work, by stage, with their hashes."""
    from overseg.build import find_weights
    from overseg.weights import fingerprints

    found = find_weights(settings.of_stages(), report=report)
    if detector is None:
        return found
    return found | {"detector": {"name": str(detector), "sha256": fingerprints(detector)}}

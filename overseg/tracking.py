"""The way from Python to prompted tracking: `overseg.track`, the same as the command line."""

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from overseg.api import out_of_memory_told, provenance
from overseg.data.byte_size import parse_bytes
from overseg.data.prompts import Prompts
from overseg.data.track_names import TrackName
from overseg.errors import InputError, SettingsError

if TYPE_CHECKING:
    from overseg.prompts.objects import Pointed, PromptedObjects
    from overseg.stages import Report
    from overseg.store.result import Result
    from overseg.track_choice import TrackChoice
    from overseg.video.buffered import BufferedVideo


class TrackChanges(TypedDict, total=False):
    """The fields of `TrackSettings` that differ from their defaults; see there."""

    propagator: str
    weights: str | None
    propagator_weights: str | None
    dtype: str
    propagation_size: int | None
    max_hole_area_px: int
    max_sprinkle_area_px: int
    compile: bool
    mask_threshold: float
    step: int
    min_area_px: int
    resize: int | None
    start: int
    end: int | None
    stride: int


def track(
    input: str | Path,
    output: str | Path,
    *,
    prompts: "str | Path | Prompts | PromptedObjects | None" = None,
    boxes: Sequence[str] = (),
    points: Sequence[str] = (),
    masks: Sequence[str] = (),
    prompt_frame: int = 0,
    device: str = "auto",
    feature_cache: str | int | None = None,
    overwrite: bool = False,
    report: "Report | None" = None,
    **changes: Unpack[TrackChanges],
) -> "Result":
    """Follow objects that somebody points out through a video; what `overseg track` does.

    Example:
        >>> result = overseg.track("cup.mp4", "cup.zarr", boxes=["cup:120,80,260,300"])  # doctest: +SKIP
        >>> result.names[0].name, result.masks_of(0).rles.area_px()  # doctest: +SKIP

    Args:
        input: a video file in any container that FFmpeg reads, or a folder of images.
        output: the store to write. One made of the same video, prompts and settings is gone on with.
        prompts: a file that says what to follow, see `read_prompts`; or prompts in pixels of the processed frames.
        boxes: each as `name:x1,y1,x2,y2`, in pixels of the input's pictures.
        points: each as `name:x,y,label`, in the same pixels, with label 1 on the object and 0 beside it; without a
            name they are all of one object.
        masks: each as `name:FILE`, a picture of the input's size that is black beside the object.
        prompt_frame: number of the processed frame that a file, boxes, points and masks speak of.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        feature_cache: host memory for SAM 2's image features, such as "4G", which None is.
        overwrite: throw away what the store holds.
        report: is told of every step; None for progress bars on a terminal.
        changes: settings that differ from their defaults; see `TrackSettings`.

    Returns:
        The published result, a track for each object that is seen; `names` says what they are called.

    Raises:
        OversegError: what was expected, what came, where, and what to do.
    """
    from overseg.report import TerminalReport
    from overseg.store.result import open_result
    from overseg.track_choice import choose_tracking
    from overseg.video.open import open_video

    cache_bytes = parse_bytes("4G" if feature_cache is None else feature_cache, option="--feature-cache")
    with ExitStack() as stack:
        report = report or stack.enter_context(closing(TerminalReport()))
        which = {name: changes[name] for name in _WHICH_FRAMES if name in changes}  # type: ignore[literal-required]
        video = stack.enter_context(open_video(input, **which))
        stack.enter_context(out_of_memory_told())
        objects = _objects(video, prompts, _Words(boxes, points, masks), prompt_frame)
        choice = choose_tracking(device, dict(changes), masks_alone=bool(objects.prompts.has_mask.all()), report=report)
        _work(video, Path(input), Path(output), choice, objects, cache_bytes, overwrite=overwrite, report=report)
    return open_result(Path(output))


_WHICH_FRAMES = ("start", "end", "stride", "resize")


@dataclass(frozen=True)
class _Words:
    """What to follow as it is written on the command line."""

    boxes: Sequence[str]
    points: Sequence[str]
    masks: Sequence[str]

    def pointed(self, size: tuple[int, int]) -> "list[Pointed]":
        """All of it, in pictures of this (height, width)."""
        from overseg.prompts.words import parse_box, parse_mask, parse_point

        masks = [parse_mask(mask, size) for mask in self.masks]
        return [*map(parse_box, self.boxes), *masks, *map(parse_point, self.points)]


def _objects(
    video: "BufferedVideo",
    prompts: "str | Path | Prompts | PromptedObjects | None",
    words: "_Words",
    frame: int,
) -> "PromptedObjects":
    """What to follow, with numbers from 0 in the order in which they are named."""
    from overseg.prompts.files import read_prompts
    from overseg.prompts.objects import PromptedObjects, gather

    pointed = words.pointed(video.source_size)
    if isinstance(prompts, Prompts | PromptedObjects):
        if pointed:
            raise SettingsError(
                "expected prompts, or boxes, points and masks as words, got both: put them into one table"
            )
        objects = prompts if isinstance(prompts, PromptedObjects) else _named(prompts)
        objects.prompts.check(video.info)
        return objects
    if prompts is not None:
        pointed = [*read_prompts(Path(prompts), video.source_size), *pointed]
    if not pointed:
        raise SettingsError(
            "expected something to follow: "
            "--prompts FILE, --box name:x1,y1,x2,y2, --point x,y,label or --mask name:FILE"
        )
    if not 0 <= frame < len(video):
        raise SettingsError(f"--prompt-frame is one of the frames 0 to {len(video) - 1}, not {frame}")
    return gather(pointed, input_size=video.source_size, size=video.info.size, frame=frame)


def _named(prompts: Prompts) -> "PromptedObjects":
    from overseg.prompts.objects import PromptedObjects

    if not len(prompts):
        raise InputError("expected prompts with a row at least, got none: there is nothing to follow")
    numbers, object = np.unique(prompts.object, return_inverse=True)
    named = Prompts(**{**vars(prompts), "object": object.astype(np.int32)})
    names = [f"object {number}" for number in numbers.tolist()]
    return PromptedObjects(named, tuple(TrackName(name, name) for name in names))


def _work(
    video: "BufferedVideo",
    input: Path,
    output: Path,
    choice: "TrackChoice",
    objects: "PromptedObjects",
    cache_bytes: int,
    *,
    overwrite: bool,
    report: "Report",
) -> None:
    from overseg.build import build_follower, find_weights
    from overseg.engine.track import track as work
    from overseg.store.zarr_store import ZarrStore

    settings = choice.settings
    weights = find_weights(settings.of_stages(), report=report)
    identity = {
        "video": {name: value for name, value in asdict(video.info).items() if name != "name"},
        "settings": {name: value for name, value in asdict(settings).items() if name not in _PATHS},
        "weights": {stage: found["sha256"] for stage, found in weights.items()},
        "prompts": _fingerprint(objects),
    }
    with ZarrStore.create_or_resume(
        output,
        identity=identity,
        provenance=provenance(input, choice.device, weights),
        size=video.info.size,
        overwrite=overwrite,
    ) as store:
        if store.final:
            report.event("remark", line=f"{output} is complete already: nothing to do")
            return
        propagator = build_follower(settings, device=choice.device, feature_cache_bytes=cache_bytes)
        report.event("remark", line=choice.line)
        work(video, propagator, objects, store, min_area_px=settings.min_area_px, report=report)


_PATHS = ("weights", "propagator_weights")


def _fingerprint(objects: "PromptedObjects") -> str:
    """A sha256 of all that was prompted, and of the names."""
    total = hashlib.sha256(repr(objects.names).encode())
    for column in fields(Prompts):
        values: Any = getattr(objects.prompts, column.name)
        content = repr(values.counts).encode() if column.name == "rles" else np.ascontiguousarray(values).tobytes()
        total.update(f"{column.name}:{hashlib.sha256(content).hexdigest()};".encode())
    return total.hexdigest()

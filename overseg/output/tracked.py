"""Writes the tracks of prompted objects beside the store: one line per frame, annotated frames, and a video."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from overseg.data.masks import TrackMasks
from overseg.errors import InputError, SettingsError
from overseg.files.destination import check_replaceable, written
from overseg.output.input_video import opened_input
from overseg.output.picture_file import write_picture
from overseg.output.pictures import Pictures
from overseg.output.playback import playback_of
from overseg.output.render_options import RenderOptions
from overseg.output.spare_input import spare_input
from overseg.output.video_writer import VideoWriter
from overseg.stages import Report, Video
from overseg.store.result import Result

DETECTIONS, FRAMES, VIDEO = "tracked_detections.jsonl", "annotated_frames", "tracking_video.mp4"
DETECTOR_BOXES = "detector_boxes.jsonl"
_OWNER = ".overseg_tracked"  # holds the name of the store that the files in a folder are of
_NOMINAL_FPS = 10.0  # of a folder of images
_QUALITY = 85  # of annotated frames
_FRAME_NAME = re.compile(r".+\.(jpg|jpeg|png|webp|bmp|tif|tiff)", re.IGNORECASE)

_FrameSink = Callable[[int, UInt8[np.ndarray, "h w 3"]], None]


@dataclass(frozen=True, kw_only=True)
class TrackedOutputs:
    """The files to write, each under its own name.

    Attributes:
        detections: `tracked_detections.jsonl`, one line of JSON per frame.
        annotated_frames: `annotated_frames`, pictures with masks, boxes and names, called like the input's.
        tracking_video: `tracking_video.mp4`, a video of these pictures.
        detector_boxes: `detector_boxes.jsonl`, one line per frame that a detector prompted, if there was a detector.
        fps: frames per second of the video; None for the input's, or 10 where it has none.
    """

    detections: bool = True
    annotated_frames: bool = True
    tracking_video: bool = False
    detector_boxes: bool = True
    fps: float | None = None

    def __post_init__(self) -> None:
        """Refuse impossible values with SettingsError."""
        if self.fps is not None and not 0 < self.fps < float("inf"):
            raise SettingsError(f"--fps takes a number above 0, not {self.fps:g}")
        if self.fps is not None and not self.tracking_video:
            raise SettingsError("--fps has no effect without the tracking video: add --tracking-video")

    def names(self, result: Result | None = None) -> list[str]:
        """File names of all outputs that are wanted; those of a detector only if the result, if given, has any."""
        has_detections = result is None or bool(result.summary.get("detections"))
        return [
            name
            for name, is_wanted in (
                (DETECTIONS, self.detections),
                (FRAMES, self.annotated_frames),
                (VIDEO, self.tracking_video),
                (DETECTOR_BOXES, self.detector_boxes and has_detections),
            )
            if is_wanted
        ]


def check_tracked(folder: Path, outputs: TrackedOutputs, input: str | Path, store: str | Path) -> None:
    """Refuse, before any work, what `write_tracked` would refuse after it.

    Args:
        folder: destination folder; it may be missing.
        outputs: the files to write.
        input: the video or folder of images to draw on.
        store: whose tracks are described.

    Raises:
        InputError: a file or folder in the destination may not be replaced: it is not ours, or is of another store.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"expected a folder for what describes the tracks, {folder} is a file: choose another name")
    for name in outputs.names():
        spare_input(folder / name, input)
    _refuse_those_of_others(folder, outputs, Path(store).name)
    if outputs.annotated_frames and (folder / FRAMES).is_dir():
        check_replaceable(folder / FRAMES, _is_picture)


def write_tracked(
    result: Result,
    folder: Path,
    outputs: TrackedOutputs,
    *,
    video: Video | str | Path | None = None,
    report: Report | None = None,
) -> list[Path]:
    """Write files that describe the tracks of a result, replacing older ones of the same name; returns their paths.

    Args:
        result: a result of `overseg track`, or any other.
        folder: made where it is missing.
        outputs: the files to write.
        video: the open input, or its present path; None to open it where it was when the store was made.
        report: receives the number of frames drawn; None for no reports.

    Raises:
        InputError: the input is missing, or a file cannot be written. A folder that contains anything but pictures is
            not replaced, and neither is the input.
    """
    path = Path(video) if isinstance(video, str | Path) else None
    check_tracked(folder, outputs, path or result.provenance.get("input", result.info.name), result.path)
    pictures = Pictures(result, path)
    wanted = outputs.names(result)
    if wanted:
        _note_owner(folder, Path(result.path).name)
    if outputs.detections:
        with written(folder / DETECTIONS, overwrite=True) as place:
            _write_detections(result, pictures, place / DETECTIONS)
    if DETECTOR_BOXES in wanted:
        with written(folder / DETECTOR_BOXES, overwrite=True) as place:
            lines = (json.dumps(found, ensure_ascii=False) for found in result.summary["detections"])
            (place / DETECTOR_BOXES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with ExitStack() as stack:
        sinks: list[_FrameSink] = []
        if outputs.annotated_frames:
            sinks.append(stack.enter_context(_frames(folder / FRAMES, pictures)))
        if outputs.tracking_video:
            playback = playback_of(result, range(len(result)), fps=outputs.fps, otherwise=_NOMINAL_FPS)
            writer = stack.enter_context(VideoWriter(folder / VIDEO, playback, result.size))
            sinks.append(lambda frame, picture: writer.write(picture))
        if sinks:
            _draw(result, stack.enter_context(opened_input(result, video)), sinks, report)
    return [folder / name for name in wanted]


def _note_owner(folder: Path, store: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _OWNER).write_text(store, encoding="utf-8")
    except OSError as e:
        raise InputError(f"cannot write into {folder}: {e.strerror}; check its permissions") from e


def _refuse_those_of_others(folder: Path, outputs: TrackedOutputs, store: str) -> None:
    """Refuse to replace what describes another store."""
    there = next((name for name in outputs.names() if (folder / name).exists()), None)
    if there is None:
        return
    try:
        owner = (folder / _OWNER).read_text(encoding="utf-8").strip()
    except FileNotFoundError:  # of an earlier version: of the only store here
        stores = [one.name for one in folder.glob("*.zarr") if one.name != store]
        owner = stores[0] if stores and not (folder / store).exists() else store
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"cannot read {folder / _OWNER}: {e}; remove it") from e
    if owner != store:
        raise InputError(
            f"{folder / there} describes the store {owner} and is not replaced: give the files of {store} "
            f"a folder of their own, such as --outputs {folder / Path(store).stem}_tracked"
        )


def detections_of(masks: TrackMasks, result: Result) -> list[dict[str, Any]]:
    """The objects of a frame: name, category, track number, corners of the box in pixels of the frame, and score."""
    found = []
    for track, score, (left, top, width, height) in zip(
        masks.track.tolist(), masks.score.tolist(), masks.rles.boxes_xywh().astype(int).tolist(), strict=True
    ):
        right, bottom = left + width, top + height
        named = result.names.get(track)
        found.append(
            {
                "name": named.name if named else str(track),
                "category": named.category if named else None,
                "uid": track,
                "points": [[left, top], [right, top], [right, bottom], [left, bottom]],
                "score": round(score, 4),
            }
        )
    return found


def _write_detections(result: Result, pictures: Pictures, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for frame in range(len(result)):
            line = {
                "frame": frame,
                "file_name": pictures.name(frame),
                "timestamp_s": round(float(result.frames.timestamp_s[frame]), 6),
                "objects": detections_of(result.masks_at(frame), result),
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


@contextmanager
def _frames(folder: Path, pictures: Pictures) -> Iterator[_FrameSink]:
    """Yield a function that fills a folder of pictures; an older folder is replaced if it contains only pictures."""
    older = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    with written(folder, overwrite=True, ours=list(filter(_is_picture, older))) as place:
        yield lambda frame, picture: write_picture(place / pictures.name(frame), picture, quality=_QUALITY)


def _is_picture(name: str) -> bool:
    return _FRAME_NAME.fullmatch(name) is not None


def _draw(result: Result, video: Video, sinks: list[_FrameSink], report: Report | None) -> None:
    render_options = RenderOptions(names=result.names)
    for frame in range(len(result)):
        picture = render_options.draw(video[frame].rgb, result.masks_at(frame))
        for sink in sinks:
            sink(frame, picture)
        if report:
            report.progress("draw", frame + 1, len(result))

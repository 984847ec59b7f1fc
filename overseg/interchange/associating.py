"""Tracks of masks that were found on each frame alone: as a store, or as JSON, CSV and maps of numbers."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from overseg.annotations.annotations import PictureMasks
from overseg.annotations.outcome import checked_outcome
from overseg.annotations.placing import place_pictures
from overseg.annotations.recognise import read_frames
from overseg.annotations.resizing import in_size
from overseg.annotations.united import united
from overseg.data.label_map import paint
from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.errors import InputError, SettingsError
from overseg.files.destination import written
from overseg.interchange.imported import Imported, imported_masks
from overseg.interchange.importing import write_store
from overseg.interchange.json_output import write_json
from overseg.interchange.png import encoded
from overseg.interchange.target import Target
from overseg.stages import Report

if TYPE_CHECKING:
    from overseg.associate.frame_by_frame import FrameByFrame

_JSON, _CSV, _MAPS = "tracks.json", "tracks.csv", "id_maps"
_SUFFIXES = ("", ".zarr", ".json", ".csv")
_CSV_COLUMNS = ("frame", "track", "left", "top", "width", "height", "area_px", "score")
_LARGEST = 2**16 - 1  # number that a pixel of a map can hold


@dataclass(frozen=True)
class _MaskFrames:
    """The masks of each frame of a video.

    Attributes:
        size: (height, width) of every mask, in pixels.
        n_frames: number of frames; those without a picture have no masks.
        read: the masks of a frame, by its number, none of them empty.
        finish: gets the number of masks when all are read, and says what was left out; InputError where that is
            refused, or where nothing else was left.
    """

    size: tuple[int, int]
    n_frames: int
    read: Callable[[int], PictureMasks]
    finish: Callable[[int], None]


@dataclass(frozen=True)
class Associated:
    """The result of `associate_masks`.

    Attributes:
        n_frames, n_masks, n_tracks: how many.
        n_hidden: masks that are partly hidden by another mask in the maps.
    """

    n_frames: int
    n_masks: int
    n_tracks: int
    n_hidden: int = 0


def associate_masks(
    source: str | Path,
    output: str | Path,
    *,
    method: str = "iou",
    min_iou: float = 0.3,
    max_distance_px: float = 50.0,
    max_gap: int = 3,
    video: str | Path | None = None,
    first_number: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
    report: Report | None = None,
) -> Associated:
    """Make tracks of masks that were found on each frame alone; what `overseg associate` does.

    Example:
        >>> associate_masks("masks", "tracks", method="hungarian").n_tracks  # doctest: +SKIP
        12

    Args:
        source: a folder with the masks of each frame, see `annotations.mask_folder`, or anything else that `import`
            reads; tracks that it has do not count.
        output: a store that ends in .zarr; one file that ends in .json or .csv; or a folder for both files and
            `id_maps`, 16-bit PNGs whose pixels are the number of a track plus 1, small masks on top, or 0.
        method, min_iou, max_distance_px, max_gap: see `FrameByFrame`.
        video: for a store, the video or folder of images that the masks are of. Its frames, and the names of its
            images, decide which frame each file is of.
        first_number: the number that names and the file give the first frame; None to find out.
        strict: refuse a source of which something would be left out.
        overwrite: replace an existing file or folder of that name.
        report: gets a remark about what could not be read as a mask, and about numbers that are not clear.

    Raises:
        SettingsError: an option has a wrong value.
        InputError: the masks cannot be read, do not fit the video, or the output cannot be written.
    """
    from overseg.associate.frame_by_frame import FrameByFrame
    from overseg.store.places import is_address

    source, suffix = Path(source), Path(output).suffix.lower()
    options = {"method": method, "min_iou": min_iou, "max_distance_px": max_distance_px, "max_gap": max_gap}
    tracks = FrameByFrame(**options)  # type: ignore[arg-type]
    if suffix not in _SUFFIXES:
        raise SettingsError(f"{output} has to end in .zarr, .json or .csv, or to be a folder without a suffix")
    if suffix != ".zarr" and (video is not None or is_address(output)):
        option = "--video" if video is not None else "such an address"
        raise SettingsError(f"{option} is for a store: name one that ends in .zarr, not {output}")
    target = Target.of(video)
    frames = _mask_frames(source, target, report, first_number=first_number, strict=strict)
    if suffix == ".zarr":
        imported = Imported(
            frames.size,
            frames.n_frames,
            _followed(frames, tracks),
            name=source.name,
            frame_columns={} if target.timestamps_s is None else {"timestamp_s": target.timestamps_s},
        )
        result = write_store(
            imported,
            source,
            output,
            settings=options,
            target=target,
            overwrite=overwrite,
            check=frames.finish,
        )
        return Associated(len(result), int(result.frames.n_masks.sum()), len(result.tracks))
    with written(Path(output), overwrite=overwrite) as folder:
        followed = list(_followed(frames, tracks))
        frames.finish(sum(map(len, followed)))
        return _write(followed, frames, tracks, suffix, folder)


def _mask_frames(
    source: Path, target: Target, report: Report | None, *, first_number: int | None, strict: bool
) -> _MaskFrames:
    """Masks out of a folder with a file or folder a frame, or of any format; its tracks do not count.

    Of a COCO annotation without a segmentation, all that is in its box is the mask.

    Raises:
        InputError: there are no masks, or they cannot be read.
    """
    name = None if target.video is None else target.video.stem
    annotations = target.read(lambda size: read_frames(source, size, name))
    placed = place_pictures(annotations, target.source, first_number=first_number)
    row_of = placed.rows
    numbers = target.frames(max([annotations.n_frames, *(frame + 1 for frame in row_of)]))
    nothing = PictureMasks(Rles.empty(target.size(annotations)), np.zeros(0, np.int64))

    def read(frame: int) -> PictureMasks:
        row = row_of.get(numbers[frame])
        if row is None:
            return nothing
        masks = united(annotations.read(row))
        return in_size(masks, target.size(annotations))

    def finish(n_masks: int) -> None:
        for line in (placed.remark, checked_outcome(annotations, n_masks, strict=strict)):
            if line and report is not None:
                report.event("remark", line=line)

    return _MaskFrames(target.size(annotations), len(numbers), read, finish)


def _followed(frames: _MaskFrames, tracks: "FrameByFrame") -> Iterator[TrackMasks]:
    """The masks of each frame with their tracks."""
    for frame in range(frames.n_frames):
        masks = frames.read(frame)
        ids = tracks.follow(frame, masks.rles)
        scores = masks.columns.get("score", np.ones(len(ids), np.float32))
        yield imported_masks(masks.rles, ids, score=scores)


def _write(
    found: list[TrackMasks], frames: _MaskFrames, tracks: "FrameByFrame", suffix: str, folder: Path
) -> Associated:
    hidden = 0
    if suffix in (".json", ""):
        write_json(folder / _JSON, _members(found, frames, tracks.n_tracks))
    if suffix in (".csv", ""):
        _write_csv(folder / _CSV, found)
    if not suffix:
        hidden = _write_maps(folder / _MAPS, found, tracks.n_tracks)
    return Associated(frames.n_frames, sum(map(len, found)), tracks.n_tracks, hidden)


def _members(found: list[TrackMasks], frames: _MaskFrames, n_tracks: int) -> dict[str, Any]:
    height, width = frames.size
    of_track: list[list[dict[str, Any]]] = [[] for _ in range(n_tracks)]
    for frame, masks in enumerate(found):
        for track, *known, counts in _rows(masks):
            box, area_px, score = known
            segmentation = {"size": [height, width], "counts": counts.decode("ascii")}
            of_track[track].append(
                {"frame": frame, "bbox": box, "area": area_px, "score": score, "segmentation": segmentation}
            )
    tracks = ({"id": id, "n_frames": len(masks), "masks": masks} for id, masks in enumerate(of_track))
    return {"width": width, "height": height, "n_frames": frames.n_frames, "tracks": tracks}


def _write_csv(path: Path, found: list[TrackMasks]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_CSV_COLUMNS)
        for frame, masks in enumerate(found):
            writer.writerows((frame, track, *box, area_px, score) for track, box, area_px, score, _ in _rows(masks))


def _rows(masks: TrackMasks) -> Iterator[tuple[int, list[int], int, float, bytes]]:
    """Track, box (left, top, width, height), area, score and run lengths of each mask."""
    return zip(
        masks.track.tolist(),
        masks.rles.boxes_xywh().astype(int).tolist(),
        masks.rles.area_px().tolist(),
        [round(score, 4) for score in masks.score.tolist()],
        masks.rles.counts,
        strict=True,
    )


def _write_maps(folder: Path, found: list[TrackMasks], n_tracks: int) -> int:
    """Write a map of each frame; returns how many masks are partly hidden."""
    if n_tracks > _LARGEST:
        raise InputError(f"{n_tracks} tracks do not fit into maps of {_LARGEST}: write a .zarr, .json or .csv")
    folder.mkdir()
    n_hidden = 0
    for frame, masks in enumerate(found):
        area_px = masks.rles.area_px()
        labels = paint(masks.rles, np.argsort(-area_px, kind="stable"))
        n_hidden += int((np.bincount(labels[labels >= 0], minlength=len(masks)) < area_px).sum())
        number = np.append(masks.track + 1, 0).astype(np.uint16)  # the last is that of no mask
        (folder / f"{frame:05d}.png").write_bytes(encoded(Image.fromarray(number[labels])))
    return n_hidden

"""From the files of another tool to a store."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64

from overseg.annotations.annotations import Annotations
from overseg.annotations.placing import place_pictures
from overseg.associate.containment import Containment
from overseg.associate.frame_counts import FrameCounts
from overseg.associate.shown import ShownRows
from overseg.data.source_frames import SourceFrames
from overseg.data.tracks import Frames, Tracks
from overseg.data.video_info import VideoInfo
from overseg.data.visit import Edges, Outline
from overseg.errors import InputError
from overseg.interchange.destination import written
from overseg.interchange.formats import format_named
from overseg.interchange.import_journal import ImportJournal
from overseg.interchange.imported import Imported, on_frames
from overseg.stages import Report
from overseg.store.disk import DiskFolder
from overseg.store.places import is_address
from overseg.store.result import Result, open_result
from overseg.store.root import PARTS, RESULTS, is_store
from overseg.store.zarr_store import Draft, ZarrStore
from overseg.video.fingerprint import fingerprint
from overseg.video.open import open_video

_STORE = (PARTS, RESULTS)  # beside zarr.json, in a store
_NOMINAL_FPS = 30.0  # where no time is known, as for a folder of images


def import_masks(
    source: str | Path,
    output: str | Path,
    *,
    format: str,
    video: str | Path | None = None,
    video_name: str | None = None,
    overwrite: bool = False,
    report: Report | None = None,
) -> Result:
    """Make a store of masks that another tool wrote; `docs/formats.md` lists what each format holds.

    Example:
        >>> import_masks("cup.json", "cup.zarr", format="coco")  # doctest: +SKIP

    Objects become tracks, numbered from 0 in the order of their numbers. What a format does not hold is computed from
    the masks, such as containment, or left unknown.

    Args:
        source: a file, or a folder as `export` writes it.
        output: the store to write; it gets its name when it is complete.
        format: name of a format.
        video: the video or folder of images that the masks are of, so that it can be rendered. Masks are placed on its
            frames by the names and numbers of their pictures.
        video_name: which video to read, where the source holds several; None for the one called like `video`.
        overwrite: replace an older store.
        report: gets a remark about what could not be read as a mask.

    Raises:
        SettingsError: there is no such format.
        InputError: the source cannot be read, does not fit the video, holds no masks but other things, or the store
            cannot be written.
    """
    source, chosen = Path(source), format_named(format)
    if not source.exists():
        raise InputError(f"expected something in the format {format} at {source}, found nothing; check the path")
    known = None if video is None else frames_and_size(Path(video))
    name = video_name or (None if video is None else Path(video).stem)
    annotations = chosen.read(source, None, name)
    if known is not None and known[1] != annotations.size:
        raise InputError(_other_video(Path(video or ""), *known, annotations, source))
    placed = place_pictures(annotations, None if known is None else known[0])
    imported = on_frames(annotations, placed, 0 if known is None else known[0].n_frames)
    result = write_store(
        imported,
        source,
        output,
        settings={"format": format},
        video=video,
        overwrite=overwrite,
        check=lambda n_masks: _refuse_nothing(n_masks, annotations),
    )
    for line in (placed.remark, annotations.left_out.line(source) if len(annotations.left_out) else None):
        if line and report is not None:
            report.event("remark", line=line)
    return result


def frames_and_size(video: Path) -> tuple[SourceFrames, tuple[int, int]]:
    """The frames of a video or folder of images, and their (height, width); InputError where it cannot be opened."""
    with open_video(video) as opened:
        return opened.source_frames, opened.source_size


def _other_video(
    video: Path, frames: SourceFrames, size: tuple[int, int], annotations: Annotations, source: Path
) -> str:
    return (
        f"{video} has {frames.n_frames} frames of {size[1]} x {size[0]} px, but the masks in {source} are of "
        f"{len(annotations.pictures)} frames of {annotations.size[1]} x {annotations.size[0]} px: give the video they "
        "are of"
    )


def _refuse_nothing(n_masks: int, annotations: Annotations) -> None:
    """Refuse a source of which everything was left out."""
    if not n_masks and len(annotations.left_out):
        raise InputError(f"no mask could be read; {annotations.left_out.line(annotations.source)}")


def write_store(
    imported: Imported,
    source: Path,
    output: str | Path,
    *,
    settings: dict[str, Any],
    video: str | Path | None = None,
    overwrite: bool = False,
    check: Callable[[int], None] = lambda n_masks: None,
) -> Result:
    """Make a store of what was imported.

    Args:
        imported: masks with the numbers of their objects.
        source: the file or folder that was read.
        output, video, overwrite: as in `import_masks`.
        settings: how they were imported; kept in the store.
        check: gets the number of masks before the store is published, and may raise.

    Raises:
        InputError: the masks do not fit the video, or the store cannot be written.
    """
    info = _video_info(imported, source, Path(video) if video is not None else None)
    provenance = {
        "overseg": version("overseg"),
        "device": "none",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "input": str(Path(video if video is not None else source).resolve()),
        "weights": {},
    }
    identity = {"video": {k: v for k, v in asdict(info).items() if k != "name"}, "settings": settings}
    with ExitStack() as stack:
        place = output if is_address(output) else stack.enter_context(_replaced(Path(output), overwrite=overwrite))
        store = stack.enter_context(
            ZarrStore.create_or_resume(
                place,
                identity=identity,
                provenance=provenance,
                size=imported.size,
                overwrite=overwrite and is_address(output),
            )
        )
        if store.final:
            raise InputError(f"{output} exists already: choose another name, or replace it with --overwrite")
        store.discard(store.committed())  # of an import into a bucket that was killed
        fill(store, imported, info, check=check)
    return open_result(output)


@contextmanager
def _replaced(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """The folder to write, which becomes the store `output` on a disk when it is complete."""
    if output.exists() and not is_store(DiskFolder(output)):
        raise InputError(f"{output} is no store and is not replaced: choose another name")
    with written(output, overwrite=overwrite, ours=_STORE) as folder:
        yield folder


def _video_info(imported: Imported, source: Path, video: Path | None) -> VideoInfo:
    """Facts about the given video, else what the source states."""
    if video is None:
        files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
        name = imported.name or source.stem
        return VideoInfo(name, fingerprint(files, with_names=True), imported.n_frames, *imported.size, imported.fps)
    with open_video(video) as opened:
        info = opened.info
    if (info.size, info.n_frames) != (imported.size, imported.n_frames):
        raise InputError(
            f"{video} has {info.n_frames} frames of {info.width} x {info.height} px, but the masks in {source} are of "
            f"{imported.n_frames} frames of {imported.size[1]} x {imported.size[0]} px: give the video they are of"
        )
    return info


def fill(
    store: ZarrStore, imported: Imported, info: VideoInfo, *, check: Callable[[int], None] = lambda n_masks: None
) -> None:
    """Put all that was imported of a video into an empty store, and publish it; `check` is that of `write_store`."""
    journal = ImportJournal(imported.size)
    for visit in journal.visits(imported):
        store.commit(visit)
    ids = journal.ids()
    draft = store.compact({key: np.searchsorted(ids, row).astype(np.int32) for key, row in journal.id_of_row.items()})
    check(sum(map(len, journal.id_of_row.values())))
    regions, tracks = journal.regions(ids)
    shown, containment, frames = _survey(draft, imported, info, ShownRows(regions, tracks))
    part_of = containment if imported.part_of is None else _known_part_of(imported.part_of, ids)
    summary: dict[str, Any] = {
        "stop_reason": "imported",
        "left_undone": None,
        "n_shots": 1 + int(frames.shot.max(initial=0)),
        "n_keyframes": int(frames.is_keyframe.sum()),
        "seconds": {},
        "work": 0.0,
        "seconds_total": 0.0,
    }
    store.publish(
        tracks=replace(shown, part_of=part_of),
        frames=frames,
        edges=Edges.empty(),
        summary=summary,
        final=True,
        names={track: imported.names[id] for track, id in enumerate(ids.tolist()) if id in imported.names},
    )


def _survey(
    draft: Draft, imported: Imported, info: VideoInfo, shown: ShownRows
) -> tuple[Tracks, Int32[np.ndarray, " t"], Frames]:
    """The tables of tracks and frames, and what contains each track, in two passes over all masks."""
    n = len(range(imported.n_frames))
    counts = FrameCounts(n)
    for frame in range(n):
        masks = draft.masks_at(frame)
        area_px = masks.rles.area_px().astype(np.int32)
        shown.show(Outline(masks.frame, masks.region, masks.source, masks.score, masks.sam_output, area_px))
        counts.add(frame, masks.rles)
    tracks = shown.tracks()
    containment = Containment(tracks)
    for frame in range(n if imported.part_of is None else 0):
        masks = draft.masks_at(frame)
        containment.add(frame, masks.track, masks.rles)
    columns: dict[str, np.ndarray] = {
        "timestamp_s": np.arange(n) / (info.fps or _NOMINAL_FPS),
        "shot": np.zeros(n, np.int32),
        "is_keyframe": np.ones(n, bool),
    }
    for name, column in imported.frame_columns.items():
        columns[name] = column.astype(columns[name].dtype)
    return tracks, containment.part_of(), counts.frames(**columns)


def _known_part_of(part_of: Any, ids: Int64[np.ndarray, " o"]) -> Int32[np.ndarray, " t"]:
    track = {id: number for number, id in enumerate(ids.tolist())}
    return np.array([track.get(part_of.get(id, -1), -1) for id in ids.tolist()], np.int32)

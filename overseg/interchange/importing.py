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
from overseg.annotations.outcome import checked_outcome
from overseg.annotations.placing import Placed, place_pictures
from overseg.associate.containment import Containment
from overseg.associate.frame_counts import FrameCounts
from overseg.associate.shown import ShownRows
from overseg.data.tracks import Frames, Tracks
from overseg.data.video_info import VideoInfo
from overseg.data.visit import Edges, Outline
from overseg.errors import InputError
from overseg.files.destination import written
from overseg.interchange.formats import READ, format_named
from overseg.interchange.import_journal import ImportJournal
from overseg.interchange.imported import Imported, on_frames
from overseg.interchange.target import Target
from overseg.output.input_video import WITHOUT_VIDEO
from overseg.stages import Report
from overseg.store.disk import DiskFolder
from overseg.store.places import is_address
from overseg.store.result import Result, open_result
from overseg.store.root import PARTS, RESULTS, is_store
from overseg.store.zarr_store import Draft, ZarrStore
from overseg.video.fingerprint import fingerprint

_STORE = (PARTS, RESULTS)  # beside zarr.json, in a store
_NOMINAL_FPS = 30.0  # where no time is known, as for a folder of images


def import_masks(
    source: str | Path,
    output: str | Path,
    *,
    format: str,
    video: str | Path | None = None,
    video_name: str | None = None,
    start: int = 0,
    end: int | None = None,
    stride: int = 1,
    resize: int | None = None,
    first_number: int | None = None,
    strict: bool = False,
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
        start, end, stride: which frames the store has, numbered as in the video; as in a run.
        resize: longer side in pixels to which the video's frames are shrunk, and masks with them; as in a run.
        first_number: the number that names and the file give the first frame; None to find out.
        strict: refuse a source of which something would be left out.
        overwrite: replace an older store.
        report: gets a remark about what could not be read as a mask.

    Raises:
        SettingsError: there is no such format, or an option has an impossible value.
        InputError: the source cannot be read, does not fit the video, holds no masks but other things, or the store
            cannot be written.
    """
    source, chosen = Path(source), format_named(format, READ)
    if not source.exists():
        raise InputError(f"expected something in the format {format} at {source}, found nothing; check the path")
    target = Target.of(video, start=start, end=end, stride=stride, resize=resize)
    name = video_name or (None if video is None else Path(video).stem)
    annotations = target.read(lambda size: chosen.read(source, size, name))
    placed = place_pictures(annotations, target.source, first_number=first_number)
    imported = on_frames(annotations, placed, target)
    outside, lines = _outside(annotations, placed, target), list[str | None]()
    result = write_store(
        imported,
        source,
        output,
        settings={"format": format, **target.settings},
        target=target,
        overwrite=overwrite,
        check=lambda n_masks: lines.append(checked_outcome(annotations, n_masks, strict=strict, elsewhere=outside)),
    )
    for line in (placed.remark, *lines, outside):
        if line and report is not None:
            report.event("remark", line=line)
    return result


def _outside(annotations: Annotations, placed: Placed, target: Target) -> str | None:
    """One line on the pictures of frames that were not chosen."""
    numbers = target.frames(max([annotations.n_frames, *(frame + 1 for frame in placed.frames)]))
    n_outside = sum(frame not in numbers for frame in placed.rows)
    if not n_outside:
        return None
    return (
        f"{annotations.source}: {n_outside} of {len(placed.frames)} pictures are of frames that --start, --end and "
        "--stride leave out"
    )


def write_store(
    imported: Imported,
    source: Path,
    output: str | Path,
    *,
    settings: dict[str, Any],
    target: Target,
    overwrite: bool = False,
    check: Callable[[int], None] = lambda n_masks: None,
) -> Result:
    """Make a store of what was imported.

    Args:
        imported: masks with the numbers of their objects.
        source: the file or folder that was read.
        output, overwrite: as in `import_masks`.
        settings: how they were imported; kept in the store.
        target: the frames that they are on.
        check: gets the number of masks before the store is published, and may raise.

    Raises:
        InputError: the masks do not fit the video, or the store cannot be written.
    """
    info = target.info or _info(imported, source)
    provenance = {
        "overseg": version("overseg"),
        "device": "none",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "input": str((target.video or source).resolve()),
        "weights": {},
        **({} if target.video else {WITHOUT_VIDEO: True}),
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


def _info(imported: Imported, source: Path) -> VideoInfo:
    """Facts about a video that is not there, as far as the source states them."""
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    name = imported.name or source.stem
    return VideoInfo(name, fingerprint(files, with_names=True), imported.n_frames, *imported.size, imported.fps)


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

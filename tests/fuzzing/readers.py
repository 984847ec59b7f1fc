"""Everything that reads what may come from elsewhere, by the name of its kind of input."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from fuzzing.other_forms import read_other_forms
from fuzzing.repairing import Repairing

from overseg.annotations import mask_folder
from overseg.annotations.placing import place_pictures
from overseg.annotations.rle_text import to_counts
from overseg.cli.config import read_config
from overseg.data.frame import Frame
from overseg.data.settings import Settings
from overseg.data.source_frames import SourceFrames
from overseg.data.video_info import VideoInfo
from overseg.detect.opening import open_detector
from overseg.evaluate.run_frames import RunFrames
from overseg.evaluate.truth import read_truth
from overseg.interchange.associating import associate_masks
from overseg.interchange.exporting import export
from overseg.interchange.formats import FORMATS
from overseg.interchange.import_journal import ImportJournal
from overseg.interchange.imported import on_frames
from overseg.interchange.importing import import_masks
from overseg.interchange.relabel import read_labels
from overseg.interchange.target import Target
from overseg.prompts.arguments import PromptArguments
from overseg.prompts.clicks import read_clicks
from overseg.prompts.objects import gather
from overseg.prompts.prompted_frames import PromptedFrames
from overseg.prompts.words import parse_masks
from overseg.store.progress import progress
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import ZarrStore
from overseg.video.open import open_video

FRAMES = PromptedFrames(SourceFrames(4), range(4), (24, 32), (12, 16), "a")
Reader = Callable[[Path, Path, int], None]
"""Reads all of an input: where it lies, an empty folder to write to, and the number of the input."""


def read_video(source: Path, scratch: Path, number: int) -> None:
    (file,) = source.iterdir()
    with open_video(file) as video:
        for frame in sorted({0, len(video) // 2, len(video) - 1}):
            assert video[frame].rgb.shape == (*video.info.size, 3)


def read_images(source: Path, scratch: Path, number: int) -> None:
    with open_video(source) as video:
        for frame in range(len(video)):
            assert video[frame].rgb.shape == (*video.info.size, 3)


def read_import(format: str) -> Reader:
    def read(source: Path, scratch: Path, number: int) -> None:
        annotations = FORMATS[format].read(source)
        imported = on_frames(annotations, place_pictures(annotations), Target({}))
        for visit in ImportJournal(imported.size).visits(imported):
            visit.masks.rles.area_px()

    return read


def read_and_export(source: Path, scratch: Path, number: int) -> None:
    """What can be imported can be exported in any format, or is refused."""
    result = import_masks(source, scratch / "a.zarr", format="coco")
    export(result, scratch / "out", format=tuple(FORMATS)[number % len(FORMATS)], frames="none")


def read_mask_files(source: Path, scratch: Path, number: int) -> None:
    for masks in mask_folder.read(source):
        masks.rles.area_px()


def read_ground_truth(result: Result) -> Reader:
    def read(source: Path, scratch: Path, number: int) -> None:
        for place in sorted(source.iterdir()):
            read_truth(place, RunFrames(result))

    return read


def read_settings(source: Path, scratch: Path, number: int) -> None:
    words = {"preset": "fast", "device": "cpu", "budget": "10m"}
    options = read_config(source / "a.yaml", allowed=(*Settings.names(), *words), words=words)
    Settings.from_options({name: value for name, value in options.items() if name not in words})


def read_table_of_labels(source: Path, scratch: Path, number: int) -> None:
    read_labels(source / "a.csv", 3)


def read_and_associate(source: Path, scratch: Path, number: int) -> None:
    associate_masks(source, scratch / f"out{('', '.json', '.csv', '.zarr')[number % 4]}")


def read_clicks_on_objects(source: Path, scratch: Path, number: int) -> None:
    clicks = read_clicks(source / "a.json", size=(24, 32), n_frames=4)
    clicks.prompted((12, 16)).prompts.check(VideoInfo("a", "", 4, 12, 16, 25.0))


def read_objects_to_follow(source: Path, scratch: Path, number: int) -> None:
    for path in sorted(source.iterdir()):
        mask = parse_masks(f"cup:{path}", (24, 32)) if path.suffix == ".png" else []
        pointed = mask or PromptArguments(prompts=path).pointed(FRAMES)[0]
        gather(pointed, input_size=(24, 32), size=(12, 16), frame=0)


def read_detector(source: Path, scratch: Path, number: int) -> None:
    open_detector(source / "a.onnx").detect(Frame(0, 0.0, np.zeros((24, 32, 3), np.uint8)))


def read_run_lengths(source: Path, scratch: Path, number: int) -> None:
    with suppress(ValueError):  # which its callers turn into a line
        to_counts((source / "a.txt").read_bytes(), n_pixels=24 * 32, height=24)


def read_store(source: Path, scratch: Path, number: int) -> None:
    progress(source)
    result = open_result(source)
    for frame in range(min(len(result), 100)):
        result.masks_at(frame).rles.area_px()
    for track in range(min(len(result.tracks), 100)):
        result.masks_of(track)
    assert result.info is not None and result.summary is not None and result.coverage >= 0 and result.depth >= 0
    result.tree.roots()
    result.content_hash()


def go_on_with_store(source: Path, scratch: Path, number: int) -> None:
    copy = shutil.copytree(source, scratch / "a.zarr")
    with ZarrStore.reopen(copy) as store:
        store.shots()
        store.seconds()
        for key in sorted(store.committed()):
            visit = store.read(key)
            visit.masks.rles.area_px()
            store.outline(key)


def readers(places: dict[str, Path]) -> dict[str, Reader]:
    """The reader of every kind of input that `write_seeds` writes."""
    others: dict[str, Reader] = {
        "images": read_images,
        "masks": read_mask_files,
        "truth": read_ground_truth(open_result(places["store"])),
        "settings": read_settings,
        "labels": read_table_of_labels,
        "clicks": read_clicks_on_objects,
        "objects to follow": read_objects_to_follow,
        "detector": read_detector,
        "masks of all frames": read_and_associate,
        "other forms": read_other_forms,
        "more forms": read_other_forms,
        "run lengths": read_run_lengths,
        "store": read_store,
        "unfinished store": go_on_with_store,
        "import, then export": read_and_export,
    }
    formats = {f"import {format}": read_import(format) for format in FORMATS}
    repairs = {
        name: Repairing(place, places["repair"], places["repair"].with_name("moving.mp4"))
        for name, place in places.items()
        if name.startswith("repair")
    }
    clips = {name: read_video for name in places if name.startswith("video ")}
    return {name: (others | formats | repairs | clips)[name] for name in places}

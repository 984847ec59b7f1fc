"""A valid input of every kind that is read, small, for a fuzzer to damage."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import yaml
from detect.made_detectors import raw, write_detector
from fuzzing.other_forms import write_more_forms, write_other_forms
from numbered_clips import numbered, write_clip
from PIL import Image

import overseg
from overseg.data.rles import Rles
from overseg.data.settings import Settings
from overseg.data.visit import Visit
from overseg.engine.sweep.spending import Spending
from overseg.interchange.exporting import export
from overseg.interchange.formats import FORMATS
from overseg.prompts.clicks import Clicks, write_clicks
from overseg.report import TerminalReport
from overseg.store.part import part_name
from overseg.store.result import open_result

SIZE = (24, 32)
N_FRAMES = 4
_TO_REPAIR = {  # store -> the last visit before its budget ends
    "repair previews": "0000000000-0000000001.round14.backward",
    "repair unfinished": "0000000004-0000000008.round01.backward",
}
_CLIPS = {
    "video mp4": ("a.mp4", "libx264", "yuv420p"),
    "video mkv": ("a.mkv", "libx264", "yuv420p"),
    "video webm": ("a.webm", "libvpx-vp9", "yuv420p"),
    "video avi": ("a.avi", "mjpeg", "yuvj420p"),
    "video ts": ("a.ts", "mpeg2video", "yuv420p"),
}
_PICTURES = (".png", ".jpg", ".webp", ".tif", ".bmp")


def write_seeds(folder: Path) -> dict[str, Path]:
    """Fill a folder; returns the place of each kind of input by its name."""
    places = {
        name: folder / name
        for name in (
            *("images", "masks", "truth", "settings", "labels", "clicks", "run lengths"),
            *("objects to follow", "detector"),
        )
    }
    for place in places.values():
        place.mkdir()
    for number, suffix in enumerate(_PICTURES):
        Image.fromarray(numbered(3, (24, 96))).save(places["images"] / f"{number}{suffix}")
    frames = folder / "frames"
    frames.mkdir()
    for number in range(N_FRAMES):
        Image.fromarray(_picture(number)).save(frames / f"{number:05}.png")
    places["store"], places["unfinished store"] = (
        _write_store(frames, folder / name, budget) for name, budget in (("store", None), ("unfinished", "masks=12"))
    )
    shutil.rmtree(places["unfinished store"] / "results")  # so that what is damaged are its parts
    write_stores_to_repair(folder, places)
    result = open_result(places["store"])
    for format in FORMATS:
        places[f"import {format}"] = folder / format
        export(result, folder / format, format=format, frames="copy" if FORMATS[format].needs_pictures else "none")
    places["import, then export"] = folder / "again"
    export(result, folder / "again", format="coco")
    _write_masks(places["masks"], result.masks_at(0).rles)
    export(result, places["truth"] / "coco", format="coco")
    export(result, places["truth"] / "davis", format="davis")
    (places["settings"] / "a.yaml").write_text(yaml.safe_dump({"preset": "no-weights", **asdict(Settings())}))
    (places["labels"] / "a.csv").write_text("track,id,category\n0,0,cup\n1,7,handle\n2,7,handle\n")
    clicks = Clicks(np.array([[3, 4], [9, 8]]), np.array([1, 0]), np.array([0, 0]), ("cup", "cup"), SIZE)
    write_clicks(places["clicks"] / "a.json", clicks)
    _write_objects(places["objects to follow"])
    write_detector(places["detector"] / "a.onnx", raw((16, 16, 9, 9, 0.9, 0.1), (8, 9, 7, 6, 0.1, 0.8)), size=(32, 32))
    places["masks of all frames"] = folder / "all masks"
    export(result, folder / "all masks", format="coco")
    places["other forms"] = write_other_forms(folder / "other forms")
    places["more forms"] = write_more_forms(folder / "more forms")
    (places["run lengths"] / "a.txt").write_bytes(result.masks_at(0).rles.counts[0])
    for name, (file, codec, pixels) in _CLIPS.items():
        (folder / name).mkdir()
        places[name] = folder / name
        write_clip(folder / name / file, 6, codec=codec, pixels=pixels, size=(32, 96), keyframe_every=3)
    return places


def write_stores_to_repair(folder: Path, places: dict[str, Path]) -> None:
    """A complete store and two that a budget ended, one of them among its previews, of the video `moving.mp4`."""
    video = write_clip(folder / "moving.mp4", 9, size=(48, 64), picture=_moving)
    places["repair"] = folder / "repair"
    run_to_repair(video, places["repair"], None)
    spent = _masks_after_visits(video, folder / "counted")
    for name, visit in _TO_REPAIR.items():
        places[name] = folder / name
        n_before = max(list(spent.values())[: list(spent).index(visit)])
        run_to_repair(video, places[name], f"masks={n_before + 1}")
        assert list((places[name] / "parts").glob(f"{visit}.*")), f"no budget ends a run after the visit {visit}"


def _masks_after_visits(video: Path, store: Path) -> dict[str, int]:
    """How many masks a run with a budget has after each visit, in order; that depends on the video encoder."""
    spent, add = dict[str, int](), Spending.add

    def noted(spending: Spending, visit: Visit) -> None:
        add(spending, visit)
        spent[part_name(visit.key).partition(".zarr")[0]] = spending.spent().n_masks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Spending, "add", noted)
        run_to_repair(video, store, "masks=1000000")
    shutil.rmtree(store)
    return spent


def run_to_repair(video: Path, store: Path, budget: str | None) -> None:
    """The run of a store that is repaired, or what goes on with it."""
    quiet = TerminalReport(quiet=True)
    overseg.run(video, store, preset="no-weights", step=2, min_area_px=4, budget=budget, report=quiet)


def _write_objects(folder: Path) -> None:
    """The same object in each form that `overseg track` takes."""
    sides = {"xmin": 3, "ymin": 4, "xmax": 20, "ymax": 18}
    voc = {"annotation": {"size": {"width": 32, "height": 24}, "object": [{"name": "cup", "bndbox": sides}]}}
    (folder / "a.json").write_text(json.dumps(voc))
    box = "".join(f"<{side}>{px}</{side}>" for side, px in sides.items())
    (folder / "b.xml").write_text(f"<annotation><object><name>cup</name><bndbox>{box}</bndbox></object></annotation>")
    shapes = [
        {"label": "cup", "shape_type": kind, "points": points, "group_id": None, "flags": {}}
        for kind, points in (("rectangle", [[3, 4], [20, 18]]), ("point", [[9, 9]]))
    ]
    shapes.append({"label": "lid", "shape_type": "polygon", "points": [[1, 1], [9, 2], [5, 9]], "group_id": 3})
    (folder / "c.json").write_text(json.dumps({"shapes": shapes, "imageHeight": 24, "imageWidth": 32}))
    Image.fromarray(np.eye(24, 32, dtype=np.uint8) * 255).save(folder / "d.png")


def _picture(number: int) -> np.ndarray:
    rgb = np.full((*SIZE, 3), 50, np.uint8)
    rgb[4:20, 4 + number : 24 + number] = 200
    rgb[8:16, 8 + number : 16 + number] = 90
    return rgb


def _moving(number: int, size: tuple[int, int]) -> np.ndarray:
    """A square in a square, and a red one that passes them by."""
    rgb = np.full((*size, 3), 50, np.uint8)
    rgb[8:34, 4 + 2 * number : 30 + 2 * number] = 200
    rgb[14:26, 10 + 2 * number : 22 + 2 * number] = 90
    rgb[38:46, 40 - 3 * number : 52 - 3 * number] = (200, 60, 60)
    return rgb


def _write_store(frames: Path, path: Path, budget: str | None) -> Path:
    quiet = TerminalReport(quiet=True)
    overseg.run(frames, path, preset="no-weights", step=1, min_area_px=4, budget=budget, report=quiet)
    return path


def _write_masks(folder: Path, rles: Rles) -> None:
    """Masks of one frame in each form that `--masks` takes."""
    masks = rles.to_masks()
    Image.fromarray((masks * (1 + np.arange(len(masks)))[:, None, None]).max(axis=0).astype(np.uint8)).save(
        folder / "00000.png"
    )
    np.savez_compressed(folder / "00001.npz", masks=masks)
    coco = [{"segmentation": {"size": list(rles.size), "counts": one.decode()}} for one in rles.counts]
    (folder / "00002.json").write_text(json.dumps(coco))
    (folder / "00003").mkdir()
    for number, mask in enumerate(masks):
        Image.fromarray(mask).save(folder / "00003" / f"{number}.png")

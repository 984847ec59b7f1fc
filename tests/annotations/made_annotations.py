"""A disc that moves, and the ways in which tools write it."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overseg.annotations.brush_rle import encode_brush
from overseg.annotations.row_runs import row_runs
from overseg.store.result import Result

SIZE = (60, 100)
RADIUS = 15
LABEL = "ball"


def centre(frame: int) -> tuple[int, int]:
    """(x, y) of the disc."""
    return 20 + 6 * frame, 30


def disc(frame: int) -> np.ndarray:
    """The mask of the disc, bool [h, w]."""
    x, y = centre(frame)
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 <= RADIUS**2


def circle(frame: int, n_points: int = 40) -> list[list[float]]:
    """Points around the disc."""
    x, y = centre(frame)
    angles = np.linspace(0, 2 * np.pi, n_points, endpoint=False)
    return [[x + RADIUS * float(np.cos(one)), y + RADIUS * float(np.sin(one))] for one in angles]


def write_frames(folder: Path, n: int, *, first: int = 0) -> Path:
    """Images of the video, named by number."""
    folder.mkdir(parents=True)
    for frame in range(n):
        Image.fromarray(disc(frame).astype(np.uint8) * 200).convert("RGB").save(folder / f"{first + frame:05}.png")
    return folder


def write_maps(folder: Path, frames: dict[int, int], value: int = 1) -> Path:
    """A grey PNG with this value for each disc; `frames` has the disc's frame by the number of the file."""
    folder.mkdir(parents=True)
    for number, frame in frames.items():
        Image.fromarray(disc(frame).astype(np.uint8) * value).save(folder / f"{number:05}.png")
    return folder


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def coco(path: Path, frames: list[int], **more: Any) -> Path:
    """COCO with polygons; `more` is added to each annotation."""
    images = [{"id": 7 + at, "file_name": f"{at:05}.jpg", "height": SIZE[0], "width": SIZE[1]} for at in frames]
    annotations = [
        {"id": at, "image_id": 7 + at, "category_id": 3, "segmentation": [np.ravel(circle(at)).tolist()]}
        | ({"track_id": 5} if "attributes" not in more else {})
        | more
        for at in frames
    ]
    return write_json(path, {"images": images, "annotations": annotations, "categories": [{"id": 3, "name": LABEL}]})


def labelme_shape(frame: int, kind: str = "polygon", **more: Any) -> dict[str, Any]:
    """The disc as a shape of LabelMe."""
    x, y = centre(frame)
    points = {"polygon": circle(frame), "circle": [[x, y], [x + RADIUS, y]], "line": [[1, 1], [9, 9]]}[kind]
    return {"label": LABEL, "points": points, "group_id": 1, "shape_type": kind, "flags": {}, **more}


def labelme(folder: Path, frames: dict[int, list[dict[str, Any]]]) -> Path:
    """LabelMe's files; `frames` has the shapes of each."""
    for at, shapes in frames.items():
        content = {"shapes": shapes, "imagePath": f"{at:05}.jpg", "imageHeight": SIZE[0], "imageWidth": SIZE[1]}
        write_json(folder / f"{at:05}.json", content)
    return folder


def brush(frame: int) -> dict[str, Any]:
    """The disc as a region of Label Studio."""
    value = {"format": "rle", "rle": encode_brush(disc(frame)).tolist(), "brushlabels": [LABEL]}
    return region("brushlabels", value)


def region(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": "a", "type": kind, "original_height": SIZE[0], "original_width": SIZE[1], "value": value}


def task(name: str, *regions: dict[str, Any], **annotation: Any) -> dict[str, Any]:
    """A task of Label Studio."""
    data = {"image": f"/data/upload/1/{name}"}
    return {"data": data, "annotations": [{"result": list(regions), **annotation}]}


def cvat_mask(frame: int) -> str:
    """The disc as an element of CVAT."""
    x, y = centre(frame)
    box = disc(frame)[y - RADIUS : y + RADIUS + 1, x - RADIUS : x + RADIUS + 1]
    runs = ", ".join(map(str, row_runs(box).tolist()))
    side = 2 * RADIUS + 1
    place = f'left="{x - RADIUS}" top="{y - RADIUS}" width="{side}" height="{side}"'
    return f'<mask label="{LABEL}" rle="{runs}" {place}/>'


def cvat_polygon(at: int, **attributes: Any) -> str:
    points = ";".join(f"{x},{y}" for x, y in circle(at))
    more = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f'<polygon label="{LABEL}" points="{points}" {more}/>'


def cvat_images(path: Path, shapes: dict[int, str], *, ids: list[int] | None = None) -> Path:
    """CVAT for images; `shapes` has the elements of each frame."""
    images = [
        f'<image id="{id}" name="{at:05}.jpg" height="{SIZE[0]}" width="{SIZE[1]}">{inner}</image>'
        for id, (at, inner) in zip(ids or list(shapes), shapes.items(), strict=True)
    ]
    path.write_text(f"<annotations>{''.join(images)}</annotations>")
    return path


def cvat_video(path: Path, n_frames: int, *tracks: str) -> Path:
    """CVAT for video; `tracks` has the elements of each."""
    size = f"<original_size><width>{SIZE[1]}</width><height>{SIZE[0]}</height></original_size>"
    inner = "".join(f'<track id="{4 + at}" label="{LABEL}">{shapes}</track>' for at, shapes in enumerate(tracks))
    meta = f"<meta><task><size>{n_frames}</size>{size}</task></meta>"
    path.write_text(f"<annotations>{meta}{inner}</annotations>")
    return path


def cvat_project(path: Path, tasks: dict[str, list[int]]) -> Path:
    """A project of CVAT for images; `tasks` has the frames of each task by its name."""
    listed = [
        f"<task><id>{at}</id><name>{name}.mp4</name><size>9</size></task>" for at, name in enumerate(tasks, start=1)
    ]
    images = [
        f'<image id="{frame}" name="{frame:05}.jpg" task_id="{at}" height="{SIZE[0]}" width="{SIZE[1]}">'
        f"{cvat_polygon(frame)}</image>"
        for at, frames in enumerate(tasks.values(), start=1)
        for frame in frames
    ]
    meta = f"<meta><project><id>7</id><name>all</name><tasks>{''.join(listed)}</tasks></project></meta>"
    path.write_text(f"<annotations>{meta}{''.join(images)}</annotations>")
    return path


def via_region(frame: int, **attributes: Any) -> dict[str, Any]:
    """The disc as a region of VIA 2."""
    xs, ys = zip(*circle(frame), strict=True)
    shape = {"name": "polygon", "all_points_x": list(xs), "all_points_y": list(ys)}
    return {"shape_attributes": shape, "region_attributes": {"type": LABEL, "track_id": "5", **attributes}}


def via(path: Path, frames: list[int], *, version: int) -> Path:
    """VIA's JSON: a project of version 2 or 3, or annotations of version 1."""
    names = {at: f"{at:05}.jpg" for at in frames}
    if version == 3:
        files = {str(at): {"fid": at, "fname": name, "type": 2, "src": name} for at, name in names.items()}
        views = {str(at): {"fid_list": [at]} for at in frames}
        outlines = {at: [7, *np.ravel(circle(at))] for at in frames}
        shapes = {f"{at}_x": {"vid": str(at), "z": [], "xy": outlines[at], "av": {"1": "0"}} for at in frames}
        attributes = {"1": {"aname": "type", "options": {"0": LABEL}}}
        return write_json(path, {"file": files, "view": views, "metadata": shapes, "attribute": attributes})
    pictures = {
        f"{name}123": {"filename": name, "size": 123, "regions": [via_region(at)], "file_attributes": {}}
        for at, name in names.items()
    }
    if version == 2:
        return write_json(path, {"_via_settings": {}, "_via_img_metadata": pictures})
    for one in pictures.values():
        one["regions"] = dict(enumerate(one["regions"]))
    return write_json(path, pictures)


def via_table(path: Path, frames: list[int]) -> Path:
    """VIA's CSV."""
    columns = ("filename", "file_size", "region_count", "region_id", "region_shape_attributes", "region_attributes")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for at in frames:
            values = [json.dumps(one) for one in via_region(at).values()]
            table.writerow([f"{at:05}.jpg", 123, 1, 0, *values])
    return path


def areas(result: Result) -> dict[int, list[int]]:
    """The areas of the masks on each frame that has some, in pixels."""
    masks = {frame: result.masks_at(frame).rles.area_px().tolist() for frame in range(len(result))}
    return {frame: found for frame, found in masks.items() if found}


def are_discs(result: Result, frames: list[int]) -> bool:
    """Whether these frames, and no others, have the disc that is there: its IoU with one a frame away is 0.6."""
    found = areas(result)
    return list(found) == frames and all(
        (result.masks_at(at).rles.to_masks()[0] & disc(at)).sum() > 0.95 * disc(at).sum() for at in frames
    )

"""Valid files in forms that exports do not have: other versions and other tools, for a fuzzer to damage."""

from pathlib import Path

import numpy as np
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, disc
from PIL import Image

from overseg.annotations.placing import place_pictures
from overseg.annotations.recognise import read_any
from overseg.data.rles import Rles
from overseg.interchange.import_journal import ImportJournal
from overseg.interchange.imported import on_frames
from overseg.interchange.target import Target

_BOX = {"x": 10, "y": 10, "width": 20, "height": 50, "rotation": 0}


def read_other_forms(source: Path, scratch: Path, number: int) -> None:
    """Read everything in the folder, whatever it is."""
    for place in sorted(source.iterdir()):
        annotations = read_any(place, SIZE, "clip", needs_tracks=False)
        imported = on_frames(annotations, place_pictures(annotations), Target({}))
        for visit in ImportJournal(imported.size).visits(imported):
            visit.masks.rles.area_px()


def write_more_forms(folder: Path) -> Path:
    """The same of VIA, of CVAT's projects and tracks of keyframes, and of pictures in formats that blur values."""
    folder.mkdir()
    for version in (1, 2, 3):
        made.via(folder / f"via{version}.json", [0, 1], version=version)
    made.via_table(folder / "via.csv", [0, 1])
    outlines = "".join(made.cvat_polygon(at, frame=at, outside=0, keyframe=1) for at in (0, 3))
    boxes = "".join(
        f'<box frame="{at}" outside="{int(at == 6)}" keyframe="1" xtl="{at}" ytl="9" xbr="{30 + at}" ybr="40"/>'
        for at in (1, 4, 6)
    )
    made.cvat_video(folder / "keyframes.xml", 9, outlines, boxes)
    made.cvat_project(folder / "project.xml", {"other": [0], "clip": [0, 1]})
    for at in (0, 1):
        for name, options in (("exact", {"lossless": True}), ("blurred", {})):
            path = folder / name / f"{at:05}.webp"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(disc(at).astype(np.uint8) * 255).save(path, **options)
        path = folder / "objects" / "001" / f"{at:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(disc(at).astype(np.uint8) * 255).save(path)
    return folder


def write_other_forms(folder: Path) -> Path:
    """Fill a new folder; each file or folder in it is a source of its own."""
    folder.mkdir()
    counts = [Rles.from_masks(disc(at)[None]).counts[0].decode() for at in (0, 1)]
    masks = [{"size": [*SIZE], "counts": one} for one in counts]
    results = [{"image_id": at, "track_id": 1, "score": 0.5, "segmentation": mask} for at, mask in enumerate(masks)]
    made.write_json(folder / "coco.json", results)
    made.write_json(folder / "ytvis.json", [{"video_id": 1, "score": 0.5, "segmentations": [*masks, None]}])
    brush = made.brush(0)
    made.write_json(folder / "min.json", [{"image": "0.jpg", "id": 1, "brush": [brush["value"]], "annotation_id": 1}])
    places = [_BOX | {"frame": frame, "enabled": frame != 3} for frame in (1, 3, 5)]
    region = {"id": "x", "type": "videorectangle", "value": {"framesCount": 6, "sequence": places, "labels": ["a"]}}
    made.write_json(folder / "video.json", [{"data": {"video": "clip.mp4"}, "annotations": [{"result": [region]}]}])
    made.labelme(folder / "labelme", {0: [made.labelme_shape(0, "circle"), made.labelme_shape(0, "line")]})
    shapes = "".join(made.cvat_polygon(at, frame=at, outside=int(at == 2)) for at in range(4))
    size = f"<original_size><width>{SIZE[1]}</width><height>{SIZE[0]}</height></original_size>"
    track = f'<track id="4" label="a">{shapes}</track>'
    (folder / "cvat.xml").write_text(
        f"<annotations><meta><task><size>5</size>{size}</task></meta>{track}</annotations>"
    )
    lines = [f"{at} 1003 1 {SIZE[0]} {SIZE[1]} {one}" for at, one in enumerate(counts)]
    (folder / "kitti.txt").write_text("\n".join(lines))
    (folder / "mot.txt").write_text("1,3,11,21,30,20,0.9,-1,-1,-1\n3,-1,11,21,10,20,0.9,-1,-1,-1\n")
    for part in ("labels", "images"):
        (folder / "yolo" / "train" / part).mkdir(parents=True)
    labels = folder / "yolo" / "train" / "labels" / "0_jpg.rf.0a1b2c3d4e5f.txt"
    labels.write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n1 0.5 0.5 0.2 0.2\n")
    (folder / "yolo" / "data.yaml").write_text("names: ['a', 'b']\n")
    return folder

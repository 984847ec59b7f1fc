"""Formats without overlap: what their readers see is the flattened store, and the loss is told."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from interchange.interchange_samples import N_FRAMES, by_track
from PIL import Image
from trackeval.datasets import MotChallenge2DBox, MOTSChallenge
from vos_benchmark.evaluator import Evaluator

from overseg.annotations.polygons import mask_of, polygons_of
from overseg.data.filters import Cut
from overseg.errors import InputError
from overseg.interchange.exporting import export
from overseg.interchange.importing import import_masks
from overseg.interchange.yolo import shares_of

VIDEO = "toy_images"
INFO = "[Sequence]\nimHeight=4\nimWidth=6\n"
MASKS = st.tuples(st.integers(1, 24), st.integers(1, 24)).flatmap(lambda shape: arrays(bool, shape))


@pytest.fixture
def labels(result):
    """The flattened frames: number of the track of each pixel, -1 for none."""
    flat = result.flatten()
    return [flat.labels_at(frame) for frame in range(N_FRAMES)]


@pytest.mark.parametrize("format", ["davis", "mots", "panoptic"])
def test_imported_it_is_the_flattened_store(result, returned, format):
    flat, again = result.flatten(), returned(format)
    assert all(by_track(flat.masks_at(frame)) == by_track(again.masks_at(frame)) for frame in range(N_FRAMES))


@pytest.mark.parametrize("format", ["davis", "mots", "mot", "yolo-seg", "panoptic"])
def test_the_loss_is_told(result, tmp_path, format):
    assert export(result, tmp_path / "out", format=format).loss == result.flatten().loss()
    cut = export(result, tmp_path / "cut", format=format, flat=Cut(depth=0))
    assert (cut.loss, cut.n_objects) == (result.flatten(depth=0).loss(), len(result.tree.roots()))


def test_davis_read_by_vos_benchmark(exported, labels):
    folder = exported("davis") / "Annotations" / VIDEO
    evaluator = Evaluator(name=VIDEO)
    for frame, path in enumerate(sorted(folder.iterdir())):
        image = Image.open(path)
        assert (path.name, image.mode) == (f"{frame:05}.png", "P")
        assert image.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
        evaluator.feed_frame(np.array(image), (labels[frame] + 1).astype(np.uint8))
    iou, boundary_f = evaluator.conclude()
    assert set(iou) == {number + 1 for frame in labels for number in np.unique(frame).tolist() if number >= 0}
    assert set(iou.values()) == set(boundary_f.values()) == {100.0}


def _challenge(cls, folder: Path, tmp_path: Path, **config):
    """TrackEval's view of an export that is ground truth and tracker at once."""
    tracker = tmp_path / "trackers" / "ours" / "data"
    tracker.mkdir(parents=True)
    (tracker / f"{VIDEO}.txt").write_text((folder / VIDEO / "gt" / "gt.txt").read_text())
    common = {"GT_FOLDER": str(folder), "TRACKERS_FOLDER": str(tmp_path / "trackers"), "SEQ_INFO": {VIDEO: None}}
    dataset = cls({**common, "SKIP_SPLIT_FOL": True, "PRINT_CONFIG": False, **config})
    return dataset.get_raw_seq_data("ours", VIDEO)


def test_mots_read_by_trackeval(result, exported, tmp_path):
    raw = _challenge(MOTSChallenge, exported("mots"), tmp_path)
    flat = result.flatten()
    assert raw["num_timesteps"] == N_FRAMES
    for frame in range(N_FRAMES):
        masks = flat.masks_at(frame)
        assert (raw["gt_ids"][frame] - 2001).tolist() == masks.track.tolist()
        assert [one["counts"] for one in raw["gt_dets"][frame]] == list(masks.rles.counts)


def test_mot_read_by_trackeval(result, exported, tmp_path):
    raw = _challenge(MotChallenge2DBox, exported("mot"), tmp_path, DO_PREPROC=False)
    flat = result.flatten()
    for frame in range(N_FRAMES):
        masks = flat.masks_at(frame)
        assert (raw["gt_ids"][frame] - 1).tolist() == masks.track.tolist()
        assert np.array_equal(raw["gt_dets"][frame], masks.rles.boxes_xywh() + np.array([1, 1, 0, 0]))
        assert raw["gt_extras"][frame]["zero_marked"].all()


def test_mot_imported_has_the_boxes(result, returned):
    flat, again = result.flatten(), returned("mot")
    for frame in range(N_FRAMES):
        masks, boxes = flat.masks_at(frame), again.masks_at(frame)
        order = np.argsort(masks.track), np.argsort(boxes.track)
        assert np.array_equal(masks.rles.boxes_xywh()[order[0]], boxes.rles.boxes_xywh()[order[1]])
        assert np.array_equal(masks.track[order[0]], boxes.track[order[1]])


def test_yolo_read_by_supervision(exported, labels):
    """A line is a connected part of a mask: together they are the frame."""
    folder = exported("yolo-seg")
    pictures = []
    for split in ("train", "val"):
        dataset = supervision.DetectionDataset.from_yolo(
            str(folder / "images" / split), str(folder / "labels" / split), str(folder / "data.yaml"), force_masks=True
        )
        assert dataset.classes == ["object"]
        pictures += list(dataset)
    assert len(pictures) == N_FRAMES
    for path, _, detections in pictures:
        frame = int(Path(path).stem.removeprefix("shot")) - 7
        parts = [
            part == number
            for track in np.unique(labels[frame][labels[frame] >= 0])
            for part in [cv2.connectedComponents((labels[frame] == track).astype(np.uint8))[1]]
            for number in range(1, part.max() + 1)
        ]
        assert {mask.tobytes() for mask in detections.mask} == {part.tobytes() for part in parts}


@given(mask=MASKS)
def test_polygons_are_filled_to_the_same_mask(mask):
    """By readers that round what they read, and by those that cut it off."""
    rounded, cut_off = np.zeros_like(mask), np.zeros_like(mask)
    for polygon in polygons_of(mask):
        points = np.array(shares_of(polygon, mask.shape).split(), float).reshape(-1, 2) * mask.shape[::-1]
        assert len(points) >= 3
        rounded |= mask_of([points], mask.shape)
        cut_off |= mask_of([np.floor(points)], mask.shape)
    assert np.array_equal(rounded, mask) and np.array_equal(cut_off, mask)


def test_yolo_imported_has_the_same_pixels(returned, labels):
    again = returned("yolo-seg")
    for frame in range(N_FRAMES):
        assert np.array_equal(again.masks_at(frame).rles.to_masks().any(axis=0), labels[frame] >= 0)


def test_panoptic_as_its_api_reads_it(result, exported, labels):
    """rgb2id of panopticapi, and the checks of its evaluation: areas agree, no segment is left over."""
    folder = exported("panoptic")
    content = json.loads((folder / "panoptic.json").read_text())
    categories = {one["id"] for one in content["categories"]}
    for frame, annotation in enumerate(content["annotations"]):
        colour = np.array(Image.open(folder / "panoptic" / annotation["file_name"]), dtype=np.uint32)
        pixels = colour[..., 0] + 256 * colour[..., 1] + 256 * 256 * colour[..., 2]
        assert np.array_equal(pixels, labels[frame] + 1)
        areas = {number: int((pixels == number).sum()) for number in np.unique(pixels).tolist() if number}
        assert {one["id"]: one["area"] for one in annotation["segments_info"]} == areas
        assert {one["category_id"] for one in annotation["segments_info"]} <= categories


def test_numbers_of_panoptic_segments_take_three_bytes(result, tmp_path):
    big = [1, 255, 256, 65535, 65536, 2**24 - 2]
    rows = [f"{track},{big[track % len(big)] + 7 * (track // len(big))}" for track in range(len(result.tracks))]
    (tmp_path / "labels.csv").write_text("\n".join(["track,id", *rows[: len(big)]]))
    export(result, tmp_path / "out", format="panoptic", labels=tmp_path / "labels.csv")
    content = json.loads((tmp_path / "out" / "panoptic.json").read_text())
    colour = np.array(Image.open(tmp_path / "out" / "panoptic" / "shot7.png"), dtype=np.uint32)
    pixels = colour[..., 0] + 256 * colour[..., 1] + 256 * 256 * colour[..., 2]
    found = {one["id"] for one in content["annotations"][0]["segments_info"]}
    assert set(np.unique(pixels).tolist()) - {0} == found == {one + 1 for one in big[: len(found)]}


def test_maps_of_depths_hold_every_track_and_count_what_is_lost(result, tmp_path):
    exported = export(result, tmp_path / "out", format="id-maps")
    depth = result.tree.depth
    lost_px = 0
    for frame in range(N_FRAMES):
        masks = result.masks_at(frame)
        for one in range(result.tree.n_depths):
            pixels = np.array(Image.open(tmp_path / "out" / f"depth_{one}" / f"shot{frame + 7}.png"))
            here = masks.take(depth[masks.track] == one)
            assert pixels.dtype == np.uint16
            assert np.array_equal(pixels > 0, here.rles.to_masks().any(axis=0))
            assert set(np.unique(pixels[pixels > 0]).tolist()) <= set((here.track + 1).tolist())
            lost_px += int(here.rles.area_px().sum() - (pixels > 0).sum())
    assert exported.loss is not None and exported.loss.mask_px_lost == lost_px
    again = import_masks(tmp_path / "out", tmp_path / "again.zarr", format="id-maps")
    if not lost_px:
        assert all(by_track(result.masks_at(frame)) == by_track(again.masks_at(frame)) for frame in range(N_FRAMES))


@pytest.mark.parametrize(
    ("format", "files", "line"),
    [
        ("davis", {"a/1.png": "nothing"}, "expected a picture"),
        ("davis", {"a/1.txt": ""}, r"found none"),
        ("davis", {"a/1.png": "", "b/1.png": ""}, "expected one folder of a video"),
        ("mots", {"a/b": ""}, "expected seqinfo.ini"),
        ("mots", {"a/seqinfo.ini": "nothing"}, "cannot be read"),
        ("mots", {"a/seqinfo.ini": "[Sequence]\n"}, "expected 'imHeight'"),
        ("mots", {"a/seqinfo.ini": f"{INFO}seqLength=99999999999\n"}, "seqLength"),
        ("mots", {"a/gt/gt.txt": "1 2 3\n"}, "line 1"),
        ("mots", {"a/gt/gt.txt": "", "a/seqinfo.ini": f"{INFO}seqLength=300000\n"}, "states 300000 frames"),
        ("mots", {"a/gt/gt.txt": "1 2001 2 4 6 ??\n"}, "line 1"),
        ("mot", {"a/gt/gt.txt": "2,1,1,1,1,1,1\n"}, "'2' is not from 1 to 1"),
        ("mot", {"a/gt/gt.txt": "1,1,nan,1,1,1,1\n"}, "line 1"),
        ("panoptic", {"panoptic.json": '{"images": [], "annotations": []}'}, "expected images"),
        ("panoptic", {"panoptic.json": '{"annotations": [{"file_name": "../x.png"}]}'}, "no name of a file"),
        ("yolo-seg", {"labels/train/1.txt": ""}, "images"),
        ("id-maps", {"a": ""}, "depth_0"),
    ],
)
def test_one_clear_line(tmp_path, format, files, line):
    info = {"a/seqinfo.ini": f"{INFO}seqLength=1\n"} if "gt" in str(files) else {}
    for name, content in {**info, **files}.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    with pytest.raises(InputError, match=line) as raised:
        import_masks(tmp_path / "in", tmp_path / "out.zarr", format=format)
    assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]

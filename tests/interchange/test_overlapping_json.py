"""YouTube-VIS and SA-V in JSON: what their readers see, and back."""

import json

import numpy as np
import pytest
from interchange.interchange_samples import N_FRAMES, by_track, same_masks
from pycocotools import mask as coco_mask
from trackeval.datasets import YouTubeVIS

from overseg.errors import InputError
from overseg.interchange.importing import import_masks


@pytest.mark.parametrize("format", ["youtube-vis", "sav-json", "sav-png"])
def test_imported_it_has_the_same_masks(result, returned, format):
    assert same_masks(result, returned(format))


def test_youtube_vis_read_by_trackeval(result, exported, tmp_path):
    path = exported("youtube-vis", "out.json")
    for folder in ("gt/youtube_vis_train", "trackers/youtube_vis_train/ours/data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "gt/youtube_vis_train/toy.json").write_text(path.read_text())
    found = json.loads(path.read_text())["annotations"]
    for track in found:
        masks = [one and coco_mask.frPyObjects(one, *one["size"]) for one in track["segmentations"]]
        track["segmentations"] = [one and one | {"counts": one["counts"].decode()} for one in masks]
    (tmp_path / "trackers/youtube_vis_train/ours/data/toy.json").write_text(json.dumps(found))
    dataset = YouTubeVIS(
        {
            "GT_FOLDER": str(tmp_path / "gt") + "/",
            "TRACKERS_FOLDER": str(tmp_path / "trackers") + "/",
            "SPLIT_TO_EVAL": "train",
            "PRINT_CONFIG": False,
        }
    )
    (name,) = dataset.seq_list
    assert name == "toy_images" and list(dataset.seq_lengths.values()) == [N_FRAMES]
    raw = dataset.get_raw_seq_data("ours", name)
    for frame in range(N_FRAMES):
        masks = result.masks_at(frame)
        found = {id - 1: det["counts"] for id, det in zip(raw["gt_ids"][frame], raw["gt_dets"][frame], strict=True)}
        assert found == by_track(masks)
        assert np.allclose(np.diag(raw["similarity_scores"][frame]), 1)


def test_youtube_vis_has_a_box_and_an_area_for_every_mask(result, exported):
    content = json.loads(exported("youtube-vis", "out.json").read_text())
    assert len(content["annotations"]) == len(result.tracks)
    for track in content["annotations"]:
        masks = result.masks_of(track["id"] - 1)
        assert [frame for frame, box in enumerate(track["bboxes"]) if box] == masks.frame.tolist()
        assert [box for box in track["bboxes"] if box] == masks.rles.boxes_xywh().tolist()
        assert [area for area in track["areas"] if area] == masks.rles.area_px().tolist()
        assert track["length"] == len(masks)


def test_sav_json_is_what_its_readme_says(result, exported):
    """The fields and types of SA-V's README; masks as its own reader decodes them."""
    content = json.loads(exported("sav-json", "out.json").read_text())
    n = len(result.tracks)
    assert len(content["masklet"]) == content["video_frame_count"] == N_FRAMES
    for frame, masklets in enumerate(content["masklet"]):
        decoded = coco_mask.decode(masklets).transpose(2, 0, 1).astype(bool)
        masks = result.masks_at(frame)
        expected = np.zeros((n, *result.size), bool)
        expected[masks.track] = masks.rles.to_masks()
        assert np.array_equal(decoded, expected)
    per_object = {name: value for name, value in content.items() if name.startswith("masklet_")}
    per_object.pop("masklet_stability_score")
    assert per_object.pop("masklet_num") == n
    assert {name: len(value) for name, value in per_object.items()} == dict.fromkeys(per_object, n)
    assert np.allclose(content["masklet_size_abs"], result.tracks.mean_area_px)
    assert np.allclose(content["masklet_size_rel"], result.tracks.mean_area_px / (result.size[0] * result.size[1]))
    assert content["masklet_first_appeared_frame"] == result.tracks.first_frame.tolist()
    assert set(content["masklet_size_bucket"]) <= {"small", "medium", "large"}
    for id, n_changes in enumerate(content["masklet_visibility_changes"]):
        there = np.isin(np.arange(N_FRAMES), result.masks_of(id).frame)
        assert n_changes == np.count_nonzero(np.diff(there[there.argmax() :].astype(int)))
    assert {
        "video_id", "video_duration", "video_height", "video_width", "video_resolution", "video_environment",
        "video_split", "masklet_type", "masklet_edited_frame_count", "masklet_frame_count", "masklet_stability_score",
    } <= content.keys()  # fmt: skip


def test_sav_folders_as_sam2_reads_them(result, exported):
    """A folder for each object and a PNG for each frame, not 0 where it is."""
    from PIL import Image

    (video,) = (exported("sav-png") / "Annotations").iterdir()
    assert sorted(path.name for path in video.iterdir()) == [f"{id + 1:03}" for id in range(len(result.tracks))]
    for frame in range(N_FRAMES):
        masks = result.masks_at(frame)
        for id in range(len(result.tracks)):
            seen = np.array(Image.open(video / f"{id + 1:03}" / f"{frame:05}.png"))
            expected = masks.take(masks.track == id).rles.to_masks().any(axis=0)
            assert np.array_equal(seen != 0, expected)


@pytest.mark.parametrize(
    ("format", "content", "line"),
    [
        ("youtube-vis", {"videos": []}, "expected one video"),
        (
            "youtube-vis",
            {
                "videos": [{"height": 4, "width": 6, "file_names": ["a/0.jpg"]}],
                "annotations": [{"id": 1, "segmentations": []}],
            },
            "a mask or null for each of the 1 frames",
        ),
        ("sav-json", {}, "expected video_height and video_width in .*in.json, found none"),
        ("sav-json", {"video_height": 4, "video_width": 6}, "expected frames"),
        (
            "sav-json",
            {"video_height": 4, "video_width": 6, "masklet": [[]], "video_frame_count": 10**9},
            "states 1000000000 frames",
        ),
        ("sav-json", {"video_height": 4, "video_width": 6, "masklet_id": [1], "masklet": [[]]}, r"masklet\[0\]"),
        ("sav-json", {"video_height": 4, "video_width": 6, "masklet_id": [[1]], "masklet": []}, "masklet_id"),
    ],
)
def test_one_clear_line(tmp_path, format, content, line):
    (tmp_path / "in.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=line):
        import_masks(tmp_path / "in.json", tmp_path / "out.zarr", format=format)
    assert [path.name for path in tmp_path.iterdir()] == ["in.json"]

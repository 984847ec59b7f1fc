"""Masks that already exist on disk, in every form they come in."""

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from generate.generator_suite import GeneratorSuite, generate
from generate.pictures import frame, plain
from PIL import Image

from overseg.data.rles import Rles
from overseg.data.source_frames import SourceFrames
from overseg.errors import InputError
from overseg.generate.hierarchy import HierarchyGenerator
from overseg.generate.precomputed import PrecomputedGenerator

SIZE = (40, 60)
FOLDERS = count()


def _masks() -> np.ndarray:
    """Two masks, the larger first; they overlap."""
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 5:30, 5:50] = True
    masks[1, 10:35, 30:55] = True
    masks[1, 34, :] = False
    return masks


def _write(path: Path, content) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    if isinstance(content, np.ndarray):
        Image.fromarray(content).save(path)
    else:
        path.write_text(json.dumps(content))


def _coco(rles: Rles) -> list[dict]:
    return [{"segmentation": {"size": list(rles.size), "counts": counts.decode()}} for counts in rles.counts]


def _read(folder: Path, index: int = 7, **limits: int):
    return generate(PrecomputedGenerator(folder, **limits), frame(plain(*SIZE).rgb, index))


class _OfEachSize:
    """A generator for pictures of several sizes, as the suite has them and no video."""

    keyframe_work = PrecomputedGenerator.keyframe_work

    def __init__(self, generators: dict[tuple[int, int], PrecomputedGenerator]) -> None:
        self._generators = generators

    def generate(self, keyframe, propagated):
        return self._generators[keyframe.size].generate(keyframe, propagated)


class TestPrecomputedGenerator(GeneratorSuite):
    """The masks of the hierarchy, by way of JSON files."""

    max_iou = 0.95

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _folder(cls, tmp_path_factory) -> None:
        cls.folder = tmp_path_factory.mktemp("precomputed")

    def make(self, pictures, **limits):
        sizes = dict.fromkeys(picture.size for picture in pictures)
        return _OfEachSize({size: self._make([one for one in pictures if one.size == size], limits) for size in sizes})

    def _make(self, pictures, limits):
        folder = self.folder / str(next(FOLDERS))
        for picture in pictures:
            masks = generate(HierarchyGenerator(min_area_px=1), picture)
            entries = _coco(masks.rles)
            for entry, score in zip(entries, masks.predicted_iou.tolist(), strict=True):
                entry["predicted_iou"] = score
            _write(folder / f"{picture.index:05d}.json", entries)
        return PrecomputedGenerator(folder, **limits)


def _id_map() -> np.ndarray:
    ids = np.zeros(SIZE, np.uint8)
    ids[_masks()[0]] = 200
    ids[_masks()[1]] = 3
    return ids


def _flat() -> np.ndarray:
    """What is left of the masks in a picture that holds one of them a pixel."""
    first, second = _masks()
    return np.stack([second, first & ~second])


def test_grey_values_of_a_png_are_masks(tmp_path):
    _write(tmp_path / "00007.png", _id_map())
    assert np.array_equal(_sorted(_read(tmp_path).rles.to_masks()), _sorted(_flat()))


def test_sixteen_bit_values_of_a_png_are_masks(tmp_path):
    _write(tmp_path / "7.png", _id_map().astype(np.uint16) * 300)
    assert np.array_equal(_sorted(_read(tmp_path).rles.to_masks()), _sorted(_flat()))


def test_colours_of_a_png_are_masks(tmp_path):
    colours = np.zeros((*SIZE, 3), np.uint8)
    colours[_masks()[0]] = (0, 0, 1)
    colours[_masks()[1]] = (1, 0, 0)
    _write(tmp_path / "frame_00007.png", colours)
    assert np.array_equal(_sorted(_read(tmp_path).rles.to_masks()), _sorted(_flat()))


def test_palette_entries_of_a_png_are_masks_even_of_one_colour(tmp_path):
    image = Image.fromarray((_id_map() > 3).astype(np.uint8) + (_id_map() > 0), "P")
    image.putpalette([0, 0, 0] + [255, 0, 0] * 255)
    image.save(tmp_path / "00007.png")
    assert np.array_equal(_sorted(_read(tmp_path).rles.to_masks()), _sorted(_flat()))


def test_a_folder_of_pngs_holds_masks_that_overlap(tmp_path):
    for number, mask in enumerate(_masks()):
        _write(tmp_path / "00007" / f"{number}.png", mask.astype(np.uint8) * 255)
    assert np.array_equal(_read(tmp_path).rles.to_masks(), _masks())


def test_a_stack_in_an_npz_holds_masks_that_overlap(tmp_path):
    np.savez_compressed(tmp_path / "00007.npz", masks=_masks(), other=np.zeros(3))
    assert np.array_equal(_read(tmp_path).rles.to_masks(), _masks())


def test_run_lengths_that_are_not_compressed(tmp_path):
    flat = _masks()[0].T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    _write(tmp_path / "00007.json", [{"segmentation": {"size": list(SIZE), "counts": runs}}])
    assert np.array_equal(_read(tmp_path).rles.to_masks(), _masks()[:1])


def test_scores_and_points_of_sams_own_json(tmp_path):
    entries = _coco(Rles.from_masks(_masks()))
    entries[0] |= {"predicted_iou": 0.8, "stability_score": 0.9, "point_coords": [[10.5, 20.0]], "area": 1}
    entries[1] |= {"predicted_iou": 1.02, "bbox": [0, 0, 1, 1]}
    _write(tmp_path / "00007.json", {"image": {"file_name": "sa_7.jpg"}, "annotations": entries})
    masks = _read(tmp_path)
    assert np.array_equal(masks.rles.to_masks(), _masks()[::-1])
    assert masks.predicted_iou.tolist() == [1.0, np.float32(0.8)]
    assert masks.stability_score.tolist() == [1.0, np.float32(0.9)]
    assert masks.point_xy[1].tolist() == [10.5, 20.0] and np.isnan(masks.point_xy[0]).all()


def test_a_frame_without_a_file_has_no_masks(tmp_path):
    _write(tmp_path / "00007.png", _id_map())
    (tmp_path / "00008").mkdir()
    _write(tmp_path / "00009.json", [])
    for index in (6, 8, 9):
        assert len(_read(tmp_path, index)) == 0


@pytest.mark.parametrize("name", ["nothing", "readme.txt"])
def test_a_folder_without_masks(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="00000.png"):
        PrecomputedGenerator(tmp_path)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="folder of masks"):
        PrecomputedGenerator(tmp_path / "gone")


def test_two_files_for_one_frame(tmp_path):
    _write(tmp_path / "00007.png", _id_map())
    _write(tmp_path / "frame7.json", [])
    with pytest.raises(InputError, match=r"00007.png and frame7.json"):
        PrecomputedGenerator(tmp_path)


def _other_size(folder: Path, kind: str) -> None:
    masks = _masks()[:, :, :50]
    if kind == "png":
        _write(folder / "7.png", masks[0].astype(np.uint8))
    if kind == "json":
        _write(folder / "7.json", _coco(Rles.from_masks(masks)))
    if kind == "npz":
        np.savez(folder / "7.npz", masks)
    if kind == "folder":
        _write(folder / "7" / "a.png", masks[0].astype(np.uint8))


@pytest.mark.parametrize("kind", ["png", "json", "npz", "folder"])
def test_masks_of_another_size_name_the_file_and_both_sizes(tmp_path, kind):
    _other_size(tmp_path, kind)
    with pytest.raises(InputError, match=r"60 x 40 px in .*7.*, got 50 x 40 px"):
        _read(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "json", "npz"])
@pytest.mark.parametrize("content", [b"", b"no masks", b"PK\x03\x04 broken", b"\x89PNG\r\n\x1a\n broken"])
def test_broken_files_name_the_file(tmp_path, suffix, content):
    (tmp_path / f"00007.{suffix}").write_bytes(content)
    with pytest.raises(InputError, match=f"00007.{suffix}"):
        _read(tmp_path)


@pytest.mark.parametrize("array", [np.zeros(SIZE, bool), np.zeros((1, *SIZE)), np.array([{"a": 1}], dtype=object)])
def test_arrays_that_are_no_masks(tmp_path, array):
    np.savez(tmp_path / "00007.npz", masks=array)
    with pytest.raises(InputError, match="00007.npz"):
        _read(tmp_path)


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        [[1, 1, 5, 1]],
        {"size": [40, 60]},
        {"size": [40], "counts": [2400]},
        {"size": [40, 60], "counts": [2399]},
        {"size": [40, 60], "counts": [2500, -100]},
        {"size": [40, 60], "counts": "PPPPPPPPPPPP"},
        {"size": [40, 60], "counts": "o"},
        {"size": [40, 60], "counts": "~~~ü"},
        {"size": [40, 60], "counts": 7},
    ],
)
def test_an_entry_of_json_that_holds_no_run_lengths_is_left_out(tmp_path, segmentation):
    _write(tmp_path / "00007.json", [{"segmentation": segmentation}, None, *_coco(Rles.from_masks(_masks()))])
    generator = PrecomputedGenerator(tmp_path)
    assert np.array_equal(generate(generator, frame(plain(*SIZE).rgb, 7)).rles.to_masks(), _masks())
    (line,) = generator.unused(SourceFrames(), frozenset([7]))
    assert "left out" in line and "00007.json" in line and "\n" not in line


def test_polygons_in_json_are_masks(tmp_path):
    _write(tmp_path / "00007.json", [{"segmentation": [[5, 5, 50, 5, 50, 30, 5, 30]]}])
    assert np.array_equal(_read(tmp_path).rles.to_masks(), _masks()[:1])


def _sorted(masks: np.ndarray) -> np.ndarray:
    return masks[np.argsort(masks.sum(axis=(1, 2)), kind="stable")]


def test_each_of_several_videos_has_its_own_masks(tmp_path):
    """As in a batch, whose workers keep the generator from one video to the next."""
    rles = Rles.from_masks(_masks())
    names = ["one", "other"]
    videos = [
        {"id": n, "height": SIZE[0], "width": SIZE[1], "length": 1, "file_names": [f"{name}/0.jpg"]}
        for n, name in enumerate(names, 1)
    ]
    annotations = [
        {"id": n, "video_id": n, "category_id": 1, "segmentations": [one["segmentation"]]}
        for n, one in enumerate(_coco(rles), 1)
    ]
    _write(tmp_path / "a.json", {"videos": videos, "annotations": annotations, "categories": [{"id": 1, "name": "x"}]})
    generator = PrecomputedGenerator(tmp_path / "a.json", min_area_px=1)
    for name, mask in [*zip(names, _masks(), strict=True)] * 2:
        source = SourceFrames(n_frames=1, size=SIZE, name=name)
        found = generate(generator, replace(frame(plain(*SIZE).rgb, 0), source=source, source_index=0))
        assert np.array_equal(found.rles.to_masks(), mask[None])

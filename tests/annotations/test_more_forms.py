"""Forms in which masks come besides those of the exports, and what is said where something is unclear."""

import json
from pathlib import Path

import numpy as np
import pytest
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, are_discs, disc
from PIL import Image

from overseg.annotations.annotations import Annotations, Picture, PictureMasks
from overseg.annotations.picture_names import NO_FRAME
from overseg.annotations.placing import place_pictures
from overseg.annotations.resizing import resized
from overseg.data.rles import Rles
from overseg.data.source_frames import SourceFrames
from overseg.errors import InputError
from overseg.interchange.import_each import import_each
from overseg.interchange.importing import import_masks
from overseg.output.playback import Playback
from overseg.output.video_writer import VideoWriter


def as_text(mask: np.ndarray) -> dict:
    return {"size": list(mask.shape), "counts": Rles.from_masks(mask[None]).counts[0].decode()}


def results_of_coco(folder: Path) -> Path:
    results = [
        {"image_id": at, "category_id": 1, "score": 0.5, "track_id": 4, "segmentation": as_text(disc(at))}
        for at in (3, 0)
    ]
    return made.write_json(folder / "results.json", results)


def results_of_youtube_vis(folder: Path) -> Path:
    masks = [as_text(disc(at)) if at in (0, 3) else None for at in range(5)]
    return made.write_json(folder / "r.json", [{"video_id": 1, "category_id": 1, "score": 0.5, "segmentations": masks}])


def jpegs(folder: Path) -> Path:
    folder.mkdir()
    for at in (0, 3):
        Image.fromarray(disc(at).astype(np.uint8) * 255).save(folder / f"{at:05}.jpg", quality=95)
    return folder


def cut_outs(folder: Path) -> Path:
    """Of a picture with many colours."""
    folder.mkdir()
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    picture = np.dstack([rows * 4, columns * 2, (rows + columns), np.zeros(SIZE)]).astype(np.uint8)
    for at in (0, 3):
        picture[..., 3] = disc(at) * 255
        Image.fromarray(picture).save(folder / f"{at:05}.png")
    return folder


def maps_of_kitti(folder: Path) -> Path:
    folder.mkdir()
    for at in (0, 3):
        pixels = disc(at).astype(np.uint16) * 2001
        pixels[:5, :5] = 10_000
        Image.fromarray(pixels).save(folder / f"{at:06}.png")
    return folder


def tiffs(folder: Path) -> Path:
    """Of fractions, all of them whole, as microscopes write them; beside pictures."""
    folder.mkdir()
    for at in (0, 3):
        Image.fromarray(disc(at).astype(np.float32) * 300).save(folder / f"{at:05}.tif")
        Image.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(folder / f"{at:05}.jpg")
    return folder


def maps_of_sixteen_bits(folder: Path) -> Path:
    """In which 255 is an object like others: the same one."""
    return made.write_maps(folder, {at: at for at in (0, 3)}, value=255)


FORMS = {
    "coco": results_of_coco,
    "youtube-vis": results_of_youtube_vis,
    "davis": jpegs,
    "davis with alpha": cut_outs,
    "davis as TIFF": tiffs,
    "mots": maps_of_kitti,
    "id-maps": maps_of_sixteen_bits,
}


@pytest.mark.parametrize("name", FORMS)
def test_more_forms(name: str, tmp_path: Path) -> None:
    result = import_masks(FORMS[name](tmp_path / "in"), tmp_path / "a.zarr", format=name.split()[0])
    assert are_discs(result, [0, 3]) and len(result.tracks) == 1


def test_a_picture_is_no_mask(tmp_path: Path) -> None:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    (tmp_path / "in").mkdir()
    picture = np.dstack([rows * 4, columns * 2, 255 - columns * 2]).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "in" / "0.jpg")
    with pytest.raises(InputError, match=r"0.jpg, white on black, got a JPEG in colour"):
        import_masks(tmp_path / "in", tmp_path / "a.zarr", format="davis")


@pytest.mark.parametrize(("fraction", "n_pages", "line"), [(0.5, 1, "got fractions"), (1, 2, "several pages")])
def test_tiffs_that_are_no_maps(fraction: float, n_pages: int, line: str, tmp_path: Path) -> None:
    page = Image.fromarray(disc(0).astype(np.float32) * fraction)
    page.save(tmp_path / "0.tif", save_all=True, append_images=[page] * (n_pages - 1))
    with pytest.raises(InputError, match=f"0.tif, {line}|0.tif, got a TIFF of {line}"):
        import_masks(tmp_path / "0.tif", tmp_path / "a.zarr", format="davis")


def test_several_files_where_one_is_meant(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        made.coco(tmp_path / "in" / name, [0])
    with pytest.raises(InputError, match="in holds a.json, b.json: give one of these files"):
        import_masks(tmp_path / "in", tmp_path / "a.zarr", format="coco")


def test_in_maps_of_sixteen_bits_255_is_an_object(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pixels = disc(0).astype(np.uint16) * 255
    pixels[:5, :5] = 300
    Image.fromarray(pixels).save(tmp_path / "in" / "0.png")
    assert len(import_masks(tmp_path / "in", tmp_path / "a.zarr", format="davis").tracks) == 2


def placed(names: list[str], video: SourceFrames | None = None, *, numbers: list[int] | None = None, **more):
    nothing = PictureMasks(Rles.empty((1, 1)), np.zeros(0, np.int64))
    pictures = tuple(
        Picture(f"a.json: images[{at}]", name, numbers[at] if numbers else None) for at, name in enumerate(names)
    )
    return place_pictures(Annotations(Path("a.json"), (1, 1), pictures, lambda row: nothing), video, **more)


def test_the_first_number_decides() -> None:
    assert placed(["1.png", "2.png"], SourceFrames(3), first_number=0).frames == (1, 2)
    assert placed(["1.png", "2.png"], SourceFrames(9), first_number=1).frames == (0, 1)
    assert placed(["11.png"], SourceFrames(9, tuple(map(str, range(8, 17)))), first_number=10).frames == (1,)
    with pytest.raises(InputError, match=r"has the number 1, which is before --first-number 2"):
        placed(["1.png"], SourceFrames(9), first_number=2)
    with pytest.raises(InputError, match="--first-number 1 needs numbers"):
        placed(["a.png"], SourceFrames(9), first_number=1)


def test_names_and_numbers_that_disagree() -> None:
    images = SourceFrames(3, ("a0", "a1", "a2"))
    found = placed(["a2.png", "a0.png"], images, numbers=[0, 1])
    assert found.frames == (2, 0) and "a2.png is frame 2 by the one and 0 by the other" in (found.remark or "")
    found = placed(["a5.png", "a7.png"], SourceFrames(9), numbers=[0, 1])
    assert found.frames == (0, 1) and "a5 is stated to be frame 0" in (found.remark or "")
    assert placed(["a5.png", "a6.png"], SourceFrames(9), numbers=[0, 1]).remark is None


def test_names_of_some_images_alone() -> None:
    """Numbers count where they fit; otherwise names, and pictures that have none are left out or refused."""
    images = SourceFrames(3, ("01", "02", "03"))
    found = placed(["00.png", "01.png"], images)
    assert found.frames == (0, 1) and "01.png is called like the image of frame 0, but 00.png like none" in found.remark
    found = placed(["01.png", "03.png", "04.png"], images, strict=False)
    assert found.frames == (0, 2, NO_FRAME) and "1 of 3 pictures, such as 04.png, are called like no" in found.remark
    assert found.rows == {0: 0, 2: 1}


def test_strict_refuses_what_would_be_left_out(tmp_path: Path) -> None:
    shapes = {0: [made.labelme_shape(0), made.labelme_shape(0, "line")]}
    source = made.labelme(tmp_path / "in", shapes)
    assert are_discs(import_masks(source, tmp_path / "a.zarr", format="labelme"), [0])
    with pytest.raises(InputError, match="left out 1 line without an area; correct the file"):
        import_masks(source, tmp_path / "b.zarr", format="labelme", strict=True)
    assert not (tmp_path / "b.zarr").exists()


def test_no_store_without_masks_where_masks_were_given(tmp_path: Path) -> None:
    maps = made.write_maps(tmp_path / "maps", {at: at for at in (0, 3)})
    with pytest.raises(InputError, match="no mask is on the chosen frames; .* 2 of 2 pictures are of frames that"):
        import_masks(maps, tmp_path / "a.zarr", format="davis", start=1, end=3)


def test_a_store_of_each_video(tmp_path: Path) -> None:
    masks = [as_text(disc(0))]
    videos = [{"id": at, "height": SIZE[0], "width": SIZE[1], "file_names": [f"v{at}/0.jpg"]} for at in (1, 2)]
    annotations = [{"id": at, "video_id": at, "segmentations": masks} for at in (1, 2)]
    source = made.write_json(tmp_path / "a.json", {"videos": videos, "annotations": annotations})
    results = import_each(source, tmp_path / "out", format="youtube-vis")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["v1.zarr", "v2.zarr"]
    assert all(are_discs(result, [0]) for result in results)


def maps_of_two_videos(folder: Path) -> Path:
    for name, at in (("a", 0), ("b", 1)):
        made.write_maps(folder / "Annotations" / name, {0: at})
    return folder


def folders_of_two_videos(folder: Path) -> Path:
    for name, at in (("a", 0), ("b", 1)):
        made.write_maps(folder / "Annotations" / name / "000", {0: at})
    return folder


def boxes_on_two_videos(folder: Path) -> Path:
    place = {"x": 10, "y": 10, "width": 20, "height": 50, "frame": 1, "enabled": False}
    region = made.region("videorectangle", {"framesCount": 1, "sequence": [place]})
    tasks = [{"data": {"video": f"{name}.mp4"}, "annotations": [{"result": [region]}]} for name in "ab"]
    return made.write_json(folder / "tasks.json", tasks)


def project_of_two_tasks(folder: Path) -> Path:
    folder.mkdir()
    return made.cvat_project(folder / "annotations.xml", {"a": [0], "b": [1]})


def coco_of_two_folders(folder: Path) -> Path:
    path = made.coco(folder / "annotations.json", [0, 1])
    content = json.loads(path.read_text())
    for name, image in zip("ab", content["images"], strict=True):
        image["file_name"] = f"{name}/img/00000.jpg"
    return made.write_json(path, content)


@pytest.mark.parametrize(
    ("format", "write"),
    [
        ("coco", coco_of_two_folders),
        ("davis", maps_of_two_videos),
        ("sav-png", folders_of_two_videos),
        ("label-studio", boxes_on_two_videos),
        ("cvat", project_of_two_tasks),
    ],
)
def test_a_store_of_each_video_in_every_format_that_holds_several(format: str, write, tmp_path: Path) -> None:
    source = write(tmp_path / "in")
    results = import_each(source, tmp_path / "out", format=format)
    assert [Path(result.path).name[0] for result in results] == ["a", "b"]
    assert all(list(made.areas(result)) == [0] for result in results)


def test_a_store_of_the_only_video(tmp_path: Path) -> None:
    maps = made.write_maps(tmp_path / "clip", {0: 0})
    (result,) = import_each(maps, tmp_path / "out", format="davis")
    assert Path(result.path) == tmp_path / "out" / "clip.zarr" and are_discs(result, [0])
    with pytest.raises(InputError, match="found nothing"):
        import_each(tmp_path / "none", tmp_path / "more", format="davis")


def test_masks_beside_the_folder_of_pictures(tmp_path: Path) -> None:
    """The pictures are no object, whatever their folder is called."""
    from overseg.annotations.recognise import read_any

    made.write_maps(tmp_path / "in" / "masks", {0: 0, 3: 3})
    (tmp_path / "in" / "frames").mkdir()
    Image.fromarray(np.full((*SIZE, 3), (250, 9, 9), np.uint8)).save(tmp_path / "in" / "frames" / "00000.jpg")
    found = read_any(tmp_path / "in", None, None)
    assert [len(found.read(row).rles) for row in range(len(found.pictures))] == [1, 1]


def cut_outs_with_loss(folder: Path) -> Path:
    """As WebP, of a picture with many colours."""
    folder.mkdir()
    picture = np.random.default_rng(0).integers(0, 255, (*SIZE, 4), np.uint8)
    for at in (0, 3):
        picture[..., 3] = disc(at) * 255
        Image.fromarray(picture).save(folder / f"{at:05}.webp")
    return folder


def test_webps(tmp_path: Path) -> None:
    """A cut-out is one mask; pictures beside maps are no masks; several pages, and a photograph, are refused."""
    assert are_discs(import_masks(cut_outs_with_loss(tmp_path / "a"), tmp_path / "a.zarr", format="davis"), [0, 3])
    pages = [Image.fromarray(disc(at).astype(np.uint8) * 255) for at in (0, 1)]
    pages[0].save(tmp_path / "b.webp", save_all=True, append_images=pages[1:], lossless=True)
    with pytest.raises(InputError, match=r"b.webp, got a WEBP of several pages"):
        import_masks(tmp_path / "b.webp", tmp_path / "b.zarr", format="davis")
    maps = made.write_maps(tmp_path / "c", {0: 0})
    Image.fromarray(np.full((*SIZE, 3), (250, 9, 9), np.uint8)).save(maps / "00000.webp")
    assert are_discs(import_masks(maps, tmp_path / "c.zarr", format="davis"), [0])
    with pytest.raises(InputError, match="white on black, got a WEBP in colour"):
        import_masks(maps / "00000.webp", tmp_path / "d.zarr", format="davis")


def test_crowds_alone_are_objects(tmp_path: Path) -> None:
    """CVAT calls the masks of its brushes so; beside others, a crowd without a track is left out."""
    from overseg.annotations import coco

    content = json.loads(made.coco(tmp_path / "a.json", [0, 2], iscrowd=1).read_text())
    for annotation in content["annotations"]:
        del annotation["track_id"]
    found = coco.read(made.write_json(tmp_path / "a.json", content), needs_tracks=False)
    assert [len(found.read(row).rles) for row in (0, 1)] == [1, 1]
    content["annotations"][0]["iscrowd"] = 0
    found = coco.read(made.write_json(tmp_path / "a.json", content), needs_tracks=False)
    assert [len(found.read(row).rles) for row in (0, 1)] == [1, 0]
    assert found.left_out.line("a") == "a: left out 1 crowd without a track"


def test_imported_stores_have_the_times_of_their_video(tmp_path: Path) -> None:
    times_s = np.array([0.0, 0.04, 0.4, 0.5])
    with VideoWriter(tmp_path / "a.mp4", Playback(fps=10, times_s=times_s), SIZE) as writer:
        for at in range(4):
            writer.write(disc(at)[..., None].astype(np.uint8) * 200)
    maps = made.write_maps(tmp_path / "maps", {at: at for at in (0, 2)})
    result = import_masks(maps, tmp_path / "a.zarr", format="davis", video=tmp_path / "a.mp4", start=1)
    np.testing.assert_allclose(result.frames.timestamp_s, times_s[1:], atol=1e-4)
    assert are_discs_of(result, {1: 2})


def are_discs_of(result, frames: dict[int, int]) -> bool:
    return list(made.areas(result)) == list(frames) and all(
        (result.masks_at(frame).rles.to_masks()[0] == disc(at)).all() for frame, at in frames.items()
    )


@pytest.mark.parametrize("size", [(20, 30), (120, 200), (60, 50)])
def test_no_mask_disappears_in_another_size(size: tuple[int, int]) -> None:
    line = np.zeros((1, *SIZE), bool)
    line[0, 31, 3:90] = True
    found = resized(Rles.from_masks(np.concatenate([line, disc(2)[None]])), size)
    assert found.size == size and (found.area_px() > 0).all()
    share = found.area_px()[1] / (size[0] * size[1]) / (disc(2).mean())
    assert 0.95 < share < 1.05


def test_json_of_a_results_list_is_recognised(tmp_path: Path) -> None:
    from overseg.annotations.recognise import read_any

    source = results_of_coco(tmp_path)
    assert json.loads(source.read_text())[0]["image_id"] == 3
    annotations = read_any(source, None, None)
    assert [picture.id for picture in annotations.pictures] == [0, 3]

"""What labelling tools read: CVAT, LabelMe, Label Studio, and stacks for 3D segmentation."""

import base64
import io
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from interchange.interchange_samples import N_FRAMES, same_masks
from label_studio_converter import brush
from PIL import Image

from overseg.annotations.brush_rle import decode_brush, encode_brush
from overseg.data.settings import Settings
from overseg.errors import InputError
from overseg.generate.precomputed import PrecomputedGenerator
from overseg.interchange.importing import import_masks

FORMATS = ("cvat", "labelme", "label-studio", "npz")
MASKS = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda shape: arrays(bool, shape))


@pytest.mark.parametrize("format", FORMATS)
def test_imported_it_has_the_same_masks_and_scores(result, returned, format):
    again = returned(format)
    assert same_masks(result, again)
    for frame in range(N_FRAMES):
        one, other = result.masks_at(frame), again.masks_at(frame)
        order = np.argsort(one.track), np.argsort(other.track)
        assert np.array_equal(one.score[order[0]], other.score[order[1]])


def test_cvat_read_by_its_sdk(result, exported):
    from cvat_sdk.masks import decode_mask

    images = ElementTree.parse(exported("cvat", "out.xml")).getroot().findall("image")
    assert [image.get("name") for image in images] == [f"shot{frame + 7}.png" for frame in range(N_FRAMES)]
    height, width = result.size
    for frame, image in enumerate(images):
        assert (int(image.get("height")), int(image.get("width"))) == (height, width)
        masks = result.masks_at(frame)
        for row, mask in enumerate(image.findall("mask")):
            left, top, w, h = (int(mask.get(name)) for name in ("left", "top", "width", "height"))
            points = [*map(float, mask.get("rle").split(",")), left, top, left + w - 1, top + h - 1]
            decoded = decode_mask(points, image_width=width, image_height=height)
            assert np.array_equal(decoded, masks.rles.to_masks()[row])
            attributes = {one.get("name"): one.text for one in mask.findall("attribute")}
            assert int(attributes["track_id"]) == masks.track[row] + 1
        z_order = [int(mask.get("z_order")) for mask in image.findall("mask")]
        assert np.array_equal(np.argsort(z_order), np.argsort(-masks.rles.area_px(), kind="stable"))


def test_labelme_files_as_labelme_reads_them(result, exported):
    """The keys and types of LabelMe's own reader; the mask is pasted at its first point."""
    folder = exported("labelme")
    for frame in range(N_FRAMES):
        content = json.loads((folder / f"shot{frame + 7}.json").read_text())
        assert (folder / content["imagePath"]).exists() and content["imageData"] is None
        assert (content["imageHeight"], content["imageWidth"]) == result.size
        masks = result.masks_at(frame)
        for row, shape in enumerate(content["shapes"]):
            inside = np.array(Image.open(io.BytesIO(base64.b64decode(shape["mask"])))).astype(bool)
            (x1, y1), (x2, y2) = shape["points"]
            whole = np.zeros(result.size, bool)
            whole[y1 : y2 + 1, x1 : x2 + 1] = inside
            assert np.array_equal(whole, masks.rles.to_masks()[row])
            assert (shape["shape_type"], shape["group_id"]) == ("mask", masks.track[row] + 1)
            assert isinstance(shape["label"], str) and shape["flags"] == {}


def test_label_studio_read_by_its_converter(result, exported):
    tasks = json.loads(exported("label-studio", "out.json").read_text())
    assert len(tasks) == N_FRAMES
    for frame in (0, N_FRAMES - 1):
        masks = result.masks_at(frame)
        regions = tasks[frame]["predictions"][0]["result"]
        assert [region["id"] for region in regions] == [f"track-{track + 1}" for track in masks.track]
        for row, region in enumerate(regions):
            decoded = brush.decode_rle(region["value"]["rle"]).reshape(*result.size, 4)
            assert np.array_equal(decoded[..., 3] > 0, masks.rles.to_masks()[row])


@given(mask=MASKS)
def test_brushes_are_what_label_studio_writes_and_reads(mask):
    ours = encode_brush(mask)
    assert np.array_equal(brush.decode_rle(ours.tolist()), np.repeat(mask.ravel() * 255, 4))
    theirs = brush.encode_rle(np.repeat(mask.ravel().astype(np.uint8) * 255, 4))
    for content in (ours, np.array(theirs, np.uint8)):
        assert np.array_equal(decode_brush(content, mask.shape), mask)


@pytest.mark.parametrize("rows", [slice(100, 250), slice(0, 64), slice(64, 128)])
def test_a_brush_with_runs_as_long_as_any_width_and_longer(rows):
    """64 rows of 256 pixels of four channels are 65536 values."""
    mask = np.zeros((300, 256), bool)
    mask[rows] = True
    assert np.array_equal(decode_brush(encode_brush(mask), mask.shape), mask)
    assert np.array_equal(brush.decode_rle(encode_brush(mask).tolist()), np.repeat(mask.ravel() * 255, 4))


@given(content=arrays(np.uint8, st.integers(0, 60)))
def test_no_brush(content):
    with pytest.raises(ValueError):
        decode_brush(content, (1000, 1001))


def test_stacks_are_read_by_numpy_and_by_a_run(result, exported):
    folder = exported("npz")
    for frame in range(N_FRAMES):
        masks = result.masks_at(frame)
        with np.load(folder / f"shot{frame + 7}.npz") as stack:
            assert stack["masks"].dtype == bool
            assert np.array_equal(stack["masks"], masks.rles.to_masks())
            assert np.array_equal(stack["track"], masks.track)
    assert PrecomputedGenerator(folder, min_area_px=Settings().min_area_px)


def test_entities_in_xml_are_refused(tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><annotations><image name="&c;"/></annotations>'
    (tmp_path / "in.xml").write_text(bomb)
    with pytest.raises(InputError, match="without a document type"):
        import_masks(tmp_path / "in.xml", tmp_path / "out.zarr", format="cvat")


@pytest.mark.parametrize(
    ("format", "name", "content", "line"),
    [
        ("cvat", "in.xml", "<annotations/>", "expected images of one size"),
        ("cvat", "in.xml", "nothing", "expected XML"),
        ("cvat", "in.xml", '<a><image id="0" height="4" width="6"><mask/></image></a>', "expected 'left' at picture 0"),
        (
            "cvat",
            "in.xml",
            '<a><image id="0" height="4" width="6"><mask left="4" top="0" width="9" height="1" rle="9"/></image></a>',
            "outside of the image",
        ),
        ("label-studio", "in.json", "[]", "expected brushes"),
        ("label-studio", "in.json", '[{"annotations": [{"result": [{}]}]}]', "expected brushes, polygons"),
        ("labelme", "in/1.json", "[]", "expected a JSON object"),
        ("labelme", "in/1.json", '{"imageHeight": 4}', "expected imageHeight and imageWidth"),
        (
            "labelme",
            "in/1.json",
            '{"imageHeight": 4, "imageWidth": 6, "shapes": [{"shape_type": "circle", "points": []}]}',
            "a circle of 0 points; two are needed",
        ),
        (
            "labelme",
            "in/1.json",
            '{"imageHeight": 4, "imageWidth": 6, "shapes": '
            '[{"shape_type": "mask", "points": [[0, 0], [1, 1]], "mask": "?"}]}',
            "no PNG",
        ),
        ("npz", "in/1.npz", "nothing", "expected an array `masks`"),
        ("npz", "in/1.txt", "nothing", "found none"),
    ],
)
def test_one_clear_line(tmp_path, format, name, content, line):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    source = path.parent if path.parent != tmp_path else path
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=line) as raised:
        import_masks(source, tmp_path / "out.zarr", format=format)
    assert "\n" not in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before

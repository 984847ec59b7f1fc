"""Damaged inputs of every kind are read, or refused in one line; so are those that were made to do harm."""

import base64
import io
import json
import os
import resource
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from fuzzing.loop import fuzz
from fuzzing.readers import readers
from fuzzing.seed_files import SIZE, write_seeds
from hypothesis import given, settings
from hypothesis import strategies as some

from overseg.annotations import mask_folder
from overseg.annotations.placing import place_pictures
from overseg.annotations.rle_text import to_counts
from overseg.annotations.values import polygon_counts
from overseg.cli.config import read_config
from overseg.cli.main import main
from overseg.data.rles import Rles
from overseg.errors import OversegError, SettingsError
from overseg.interchange.formats import FORMATS
from overseg.interchange.import_journal import ImportJournal
from overseg.interchange.imported import on_frames
from overseg.interchange.target import Target
from overseg.video.open import open_video

N_INPUTS = 12  # of each kind
SLOW = (
    *("store", "unfinished store", "import, then export"),
    *("repair", "repair unfinished", "repair previews"),
)
BOMB_PX = 100_000


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, Path]:
    return write_seeds(tmp_path_factory.mktemp("seeds"))


def test_every_kind_is_read_or_refused(places):
    """In processes of their own, which are made once for each kind; what is found is shown with its number."""
    findings = {}
    for name, reader in readers(places).items():
        counts = fuzz(name, reader, places[name], range(N_INPUTS // 4 if name in SLOW else N_INPUTS))
        findings |= {f"{name} {number}": finding for finding, number in counts.findings.items()}
    assert findings == {}


def test_the_valid_inputs_are_read(places, tmp_path):
    for name, reader in readers(places).items():
        (tmp_path / name).mkdir()
        reader(places[name], tmp_path / name, 0)


def test_what_should_not_happen_is_found(places):
    """A reader that writes beside its folder, one that fails, and one that dies."""

    def write_beside(source: Path, scratch: Path, number: int) -> None:
        beside = scratch.parent.parent / f"beside-{os.getpid()}"
        beside.write_bytes(b"")
        beside.unlink()

    def fail(source: Path, scratch: Path, number: int) -> None:
        raise KeyError("x")

    def die(source: Path, scratch: Path, number: int) -> None:
        os._exit(1)

    for reader, finding in ((write_beside, "wrote outside"), (fail, "KeyError"), (die, "a hang, or a crash")):
        counts = fuzz("made", reader, places["labels"], range(1))
        assert [finding in found for found in counts.findings] == [True]


@given(some.one_of(some.binary(max_size=40), some.lists(some.integers(-5, 900), max_size=20)))
@settings(deadline=None, max_examples=300)
def test_run_lengths_are_of_a_mask_or_refused(counts):
    try:
        checked = to_counts(counts, n_pixels=SIZE[0] * SIZE[1], height=SIZE[0])
    except ValueError:
        return
    assert 0 <= Rles(SIZE, (checked,)).area_px()[0] <= SIZE[0] * SIZE[1]
    assert Rles(SIZE, (checked,)).to_masks().shape == (1, *SIZE)


@given(some.text(max_size=60))
@settings(deadline=None, max_examples=200)
def test_settings_of_any_text(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        assert isinstance(read_config(path, allowed=("step",), words={}), dict)
    except SettingsError as e:
        assert "\n" not in str(e)


@pytest.mark.parametrize("far", [2.0**63, -1e300, float("nan"), float("inf"), 200.0])
def test_polygons_that_no_picture_has(far):
    """pycocotools would crash on them."""
    with pytest.raises(ValueError, match="a polygon"):
        polygon_counts([[1, 1, 9, 2, 5, far]], SIZE)
    with pytest.raises(ValueError, match="a polygon longer"):
        polygon_counts([[0.0, 0.0, 31.0, 23.0] * 5000], SIZE)
    assert Rles(SIZE, (polygon_counts([[-3, -3, 40, -3, 40, 30, -3, 30]], SIZE),)).area_px()[0] == SIZE[0] * SIZE[1]


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header claims a size, with next to nothing behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def npz_of(shape: tuple[int, ...], content: bytes = b"") -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|b1", "fortran_order": False, "shape": shape})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("masks.npy", header.getvalue() + content)
    return file.getvalue()


def read_bomb(kind: str, folder: Path) -> None:
    """Make an input that claims to be huge, and read it."""
    png, size = png_of(BOMB_PX, BOMB_PX), {"height": BOMB_PX, "width": BOMB_PX}
    files: dict[str, dict[str, bytes]] = {
        "images": {"1.png": png},
        "davis": {"1.png": png},
        "masks": {"1.png": png},
        "npz": {"1.npz": npz_of((1, BOMB_PX, BOMB_PX))},
        "npz of many": {"1.npz": npz_of((2**40, 64, 64))},
        "npz that swells": {"1.npz": npz_of((4096, 256, 256), bytes(1 << 26))},
        "masks npz": {"1.npz": npz_of((2**40, 64, 64))},
        "coco": {"annotations.json": json.dumps({"images": [{"id": 1, "file_name": "1.png", **size}]}).encode()},
        "mots": {"seqinfo.ini": f"[Sequence]\nimWidth={BOMB_PX}\nimHeight={BOMB_PX}\nseqLength=1\n".encode()},
        "labelme": {
            "1.json": json.dumps(
                {"imageHeight": 64, "imageWidth": 64, "imagePath": "1.png"}
                | {
                    "shapes": [
                        {"label": "x", "shape_type": "mask", "points": [[0, 0], [9, 9]]}
                        | {"mask": base64.b64encode(png).decode()}
                    ]
                }
            ).encode()
        },
        "cvat": {
            "annotations.xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "lol">'
            + b"".join(f'<!ENTITY x{n} "{f"&x{n - 1 if n else str()};" * 10}">'.encode() for n in range(12))
            + b"]><annotations><image>&x11;</image></annotations>"
        },
        "youtube-vis": {"annotations.json": b'{"videos":[' + b"[" * 200_000},
    }
    for name, content in files[kind].items():
        (folder / name).write_bytes(content)
    if kind == "images":
        with open_video(folder) as video:
            video[0]
    elif kind.startswith("masks"):
        list(mask_folder.read(folder))
    else:
        annotations = FORMATS[kind.split(" ")[0]].read(folder)
        imported = on_frames(annotations, place_pictures(annotations), Target({}))
        list(ImportJournal(imported.size).visits(imported))
        annotations.left_out.refuse_if_strict(folder, strict=True)


BOMBS = ("images", "davis", "masks", "npz", "npz of many", "npz that swells", "masks npz", "coco", "mots", "labelme")


@pytest.mark.parametrize("kind", [*BOMBS, "cvat", "youtube-vis"])
def test_what_claims_to_be_huge_is_refused_before_memory_is_asked_for(kind, tmp_path):
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(OversegError) as refused:
        read_bomb(kind, tmp_path)
    assert "\n" not in str(refused.value)
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 128 * 1024
    )  # of which much is code that is loaded


@pytest.mark.parametrize(
    "content",
    [
        # Lists of lists, each ten times the one before, which would be a billion words if they were written out.
        "step: [&a0 x" + "".join(f", &a{n} [{f'*a{n - 1}, ' * 10}]" for n in range(1, 10)) + "]",
        "step: &a [*a]",
        "&a step: *a",
    ],
)
def test_settings_that_refer_to_themselves(content, tmp_path):
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(SettingsError) as refused:
        read_config(tmp_path / "a.yaml", allowed=("step",), words={})
    assert len(str(refused.value)) < 1000 and "\n" not in str(refused.value)


@pytest.mark.parametrize("format", ["davis", "mots", "sav-png", "yolo-seg", "labelme", "panoptic"])
def test_names_that_lead_elsewhere_are_not_followed(places, tmp_path, format):
    """The names of a video, its frames and its objects come from a file, and become names of files in an export."""
    source = json.loads((places["import coco"] / "annotations.json").read_text())
    source["videos"][0]["name"] = "../../../outside"
    for image in source["images"]:
        image["file_name"] = f"../../outside/{image['file_name']}"
    for category in source["categories"]:
        category["name"] = "../../outside"
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    (inner / "in.json").write_text(json.dumps(source))
    for words in (
        ("import", "in.json", "a.zarr", "--format", "coco"),
        ("export", "a.zarr", "out", "--format", format, "--frames", "none"),
    ):
        paths = [inner / word if "." in word or word == "out" else word for word in words]
        assert main([str(word) for word in paths] + ["--quiet"]) == 0
    everything = {path.relative_to(inner).parts[0] for path in inner.rglob("*")}
    assert everything == {"in.json", "a.zarr", "out"}
    assert [path.name for path in tmp_path.rglob("*") if "outside" in path.name and inner not in path.parents] == []

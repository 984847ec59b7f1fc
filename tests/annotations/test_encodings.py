"""Files as tools on any system write them: UTF-8, UTF-16, byte order marks, and NaN in JSON."""

import codecs
import json
from pathlib import Path

import pytest
from annotations import made_annotations as made
from annotations.made_annotations import SIZE, are_discs, disc
from hypothesis import given, settings
from hypothesis import strategies as some

from overseg.annotations import encoded
from overseg.annotations.encoded import json_of, opened_json, text_of
from overseg.data.rles import Rles
from overseg.interchange.importing import import_masks

ENCODINGS = {
    "UTF-8 with a mark": codecs.BOM_UTF8 + "ä [1]".encode(),
    "UTF-16 of Windows": codecs.BOM_UTF16_LE + "ä [1]".encode("utf-16-le"),
    "UTF-16 of the other order": codecs.BOM_UTF16_BE + "ä [1]".encode("utf-16-be"),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_text_in_any_encoding(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(ENCODINGS[name])
    assert text_of(tmp_path / "a.txt") == "ä [1]"
    with opened_json(tmp_path / "a.txt") as file:
        assert file.read(100) == "ä [1]".encode()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_labelme_coco_and_lines_in_other_encodings(encoding: str, tmp_path: Path) -> None:
    shapes = made.labelme(tmp_path / "labelme", {0: [made.labelme_shape(0)]})
    coco = made.coco(tmp_path / "a.json", [0])
    lines = tmp_path / "0002.txt"
    lines.write_text(f"0 1003 1 {SIZE[0]} {SIZE[1]} {Rles.from_masks(disc(0)[None]).counts[0].decode()}\r\n")
    for path in (shapes / "00000.json", coco, lines):
        path.write_bytes(path.read_text().encode(encoding))
    for source, format in ((shapes, "labelme"), (coco, "coco"), (lines, "mots")):
        assert are_discs(import_masks(source, tmp_path / f"{format}.zarr", format=format), [0])


def test_numbers_that_json_does_not_have(tmp_path: Path) -> None:
    """Python writes them; a score that is none is unknown, and an annotation with such a point is left out."""
    path = made.coco(tmp_path / "a.json", [0, 1, 2])
    content = json.loads(path.read_text())
    content["annotations"][0]["score"] = float("nan")
    content["annotations"][1]["segmentation"][0][3] = float("-inf")
    content["categories"][0]["name"] = "NaN, -Infinity"
    made.write_json(path, content)
    result = import_masks(path, tmp_path / "a.zarr", format="coco")
    assert are_discs(result, [0, 2]) and result.masks_at(0).score.tolist() == [1.0]
    assert result.names[0].category == "NaN, -Infinity"
    shape = made.labelme_shape(0, score=float("nan"))
    source = made.labelme(tmp_path / "in", {0: [shape, made.labelme_shape(0, points=[[1, float("nan")]])]})
    assert are_discs(import_masks(source, tmp_path / "b.zarr", format="labelme"), [0])


VALUES = some.recursive(
    some.none() | some.floats() | some.text(max_size=9) | some.sampled_from(["NaN", '"NaN', "\\", "-Infinity"]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, some.integers(1, 12))
@settings(deadline=None, max_examples=20)
def test_it_is_the_same_json_in_pieces_of_any_size(tmp_path_factory, value, n_bytes: int) -> None:
    path = tmp_path_factory.getbasetemp() / "pieces.json"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8", errors="replace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded, "_PIECE_BYTES", n_bytes)
        with opened_json(path) as file:
            pieces = list(iter(lambda: file.read(n_bytes), b""))
    assert json.loads(b"".join(pieces)) == json_of(path)

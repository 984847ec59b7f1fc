"""Boxes and points as they are written on the command line."""

import struct
import zlib

import pytest

from overseg.errors import InputError, OversegError
from overseg.prompts.words import parse_box, parse_masks, parse_point


def test_a_box_has_a_name_that_may_hold_colons_itself():
    box = parse_box("mouse: left:10,20.5,30,40")
    assert (box.name, box.box_xyxy) == ("mouse: left", (10, 20.5, 30, 40))


def test_a_point_has_a_label_and_may_have_a_name():
    assert parse_point("cup:3,4,1").points == ((3, 4, 1),)
    assert (parse_point("3,4,0").name, parse_point("3,4,0").points) == ("object", ((3, 4, 0),))


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_box, "cup:1,2,3", "--box takes name:x1,y1,x2,y2 in pixels, not 'cup:1,2,3'"),
        (parse_box, "cup:1,2,3,nan", "--box takes"),
        (parse_box, "cup:1,2,3,1e999", "--box takes"),
        (parse_box, "cup", "--box takes"),
        (parse_box, ":1,2,3,4", "--box :1,2,3,4: expected a name of 1 to 200 printable characters, got ''"),
        (parse_box, "a\tb:1,2,3,4", "printable"),
        (parse_box, "a" * 201 + ":1,2,3,4", "1 to 200"),
        (parse_point, "cup:1,2", "--point takes x,y,label or name:x,y,label"),
        (parse_point, "cup:1,2,3", "with label 1 on the object and 0 beside it, not 'cup:1,2,3'"),
        (parse_point, "1,2,0.5", "--point takes"),
        (parse_point, "", "--point takes"),
    ],
)
def test_other_words_are_refused(parse, text, message):
    with pytest.raises(OversegError) as error:
        parse(text)
    assert message in str(error.value)


def test_a_mask_with_a_header_that_ends_too_early(tmp_path):
    header = b"IHDR\0\0\0\1"
    chunk = struct.pack(">I", 4) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(InputError, match="expected a picture, cannot read it: Truncated IHDR"):
        parse_masks(f"cup:{tmp_path / 'a.png'}", (4, 4))

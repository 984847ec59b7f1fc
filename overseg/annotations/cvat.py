"""CVAT's XML, for images and for video: masks, polygons, boxes and ellipses; objects are tracks or have `track_id`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.cvat_meta import Meta
from overseg.annotations.cvat_shapes import Outline, between, mask_counts, outline_of
from overseg.annotations.gathered import Gathered
from overseg.annotations.left_out import LeftOut
from overseg.annotations.objects import NAME, Objects
from overseg.annotations.values import (
    SizeUnknownError,
    as_score,
    as_size,
    check_length,
    check_size,
    checked,
    tolerated,
)
from overseg.errors import InputError

TRACK, SCORE = "track_id", "score"  # attributes of our exports
_UNDEFINED = "__undefined__"  # what CVAT writes for an attribute without a value
_MOST_FRAMES = 2**20
_MOST_BETWEEN = 100_000  # shapes between keyframes, in one file


@dataclass(frozen=True)
class _Shape:
    """A shape of a track, as it is on its frame.

    Attributes:
        outline: None for a mask.
        counts: its run lengths.
    """

    frame: int
    outline: Outline | None
    counts: bytes
    score: float


@dataclass
class _Found:
    """What is gathered while the file is read.

    Attributes:
        meta: what the file says of its tasks.
        size: (height, width) of the pictures; None until it is known.
        pictures: those of images, by their id.
        held: the last shape of each track that has not ended, and its object.
        is_of_keyframes: whether a track has keyframes alone, and not the frames between them.
        n_asked: how many shapes there are between keyframes, whether they have a pixel or not.
    """

    source: Path
    size: tuple[int, int] | None
    meta: Meta
    objects: Objects = field(default_factory=Objects)
    left_out: LeftOut = field(default_factory=LeftOut)
    pictures: dict[int, Picture] = field(default_factory=dict)
    gathered: Gathered | None = None
    last_frame: int = -1
    held: list[tuple[_Shape, int]] = field(default_factory=list)
    is_of_keyframes: bool = False
    n_asked: int = 0

    def masks(self) -> Gathered:
        """Where masks go; InputError where nothing has stated their size yet."""
        if self.size is None and self.meta.size:
            self.state_size(self.meta.size, str(self.source))
        if self.size is None:
            raise SizeUnknownError(f"expected images of one size in {self.source}, or original_size before its tracks")
        self.gathered = self.gathered or Gathered(self.size)
        return self.gathered

    def state_size(self, size: tuple[int, int], where: str) -> None:
        """Keep the size, or refuse another than before."""
        self.size = self.size or size
        check_size(size, self.size, where)

    def fill(self, frames: range, shape: _Shape, number: int, following: Outline | None = None) -> None:
        """Put shapes on frames after a keyframe: on the way to the following one, or where they are."""
        self.n_asked += len(frames)
        if self.n_asked > _MOST_BETWEEN:
            raise InputError(
                f"{self.source} has keyframes so far apart that more than {_MOST_BETWEEN} shapes are between them: "
                "correct the frames, or export all frames as CVAT does"
            )
        for frame in frames:
            with tolerated(self.source, f"frame {frame}", self.left_out):
                counts = shape.counts
                if shape.outline is not None and following is not None:
                    share = (frame - shape.frame) / (frames.stop - shape.frame)
                    counts = between(shape.outline, following, share).counts(self.masks().size)
                self.masks().add(frame, number, counts, score=shape.score)
                self.left_out.n_between += 1
                self.last_frame = max(self.last_frame, frame)


def read(source: Path, size: tuple[int, int] | None = None, video: str | None = None) -> Annotations:
    """Read the shapes of all images, by their `id`, or the tracks of a video, whose frames count from 0.

    A shape of an image without `track_id` is an object of its own. Shapes of a track that are `outside` are not seen.
    Where a track has keyframes alone, the frames between them get the shapes that CVAT makes there, and a track that
    does not end stays until the end of the task. Of a project, one task is read.

    Raises:
        VideoUnknownError: the file is of several tasks, and none is called like the video.
        InputError: the file cannot be read, or a part of it is wrong; a document type, which could hold entities that
            grow without end, is refused.
    """
    found = _Found(source, size, Meta(source, video))
    try:
        for element in _elements(source):
            with checked(source, f"{element.tag} {element.get('id', '')}".strip()):
                _read_element(element, found)
            if element.tag in ("image", "track"):
                element.clear()
    except OSError as e:
        raise InputError(f"cannot read {source}: {e.strerror}; check the path and its permissions") from e
    except (ParseError, LookupError, DefusedXmlException) as e:  # LookupError: an unknown encoding
        raise InputError(f"expected XML without a document type in {source}, got something else ({e})") from e
    for shape, number in found.held if found.is_of_keyframes else ():
        found.fill(range(shape.frame + 1, found.meta.end_frame), shape, number)
    return _annotations(found)


def _annotations(found: _Found) -> Annotations:
    masks = found.masks()
    if found.pictures:
        rows = sorted(found.pictures)
        pictures = tuple(found.pictures[id] for id in rows)
    else:
        n_frames = max(found.meta.n_frames, found.last_frame + 1)
        check_length(n_frames, len(masks), found.source)
        rows = list(range(n_frames))
        pictures = tuple(Picture(f"{found.source}: frame {frame}", number=frame) for frame in rows)
    return Annotations(
        source=found.source,
        size=masks.size,
        pictures=pictures,
        read=lambda row: masks.read(rows[row]),
        objects=found.objects,
        left_out=found.left_out,
        name=found.meta.name,
        counts_from_zero=not found.pictures,
        n_frames=0 if found.pictures else len(pictures),
    )


def _elements(source: Path) -> Iterator[Element]:
    for _, element in iterparse(source, events=("end",), forbid_dtd=True):
        if element.tag in ("image", "track", "original_size", "task", "job", "meta"):
            yield element


def _read_element(element: Element, found: _Found) -> None:
    if element.tag not in ("image", "track"):
        found.meta.add(element)
    elif not found.meta.is_of_another(element.get("task_id")):
        (_read_image if element.tag == "image" else _read_track)(element, found)


def _read_image(image: Element, found: _Found) -> None:
    id = int(image.attrib["id"])
    place = f"{found.source}: image {id}"
    if image.get("height") and image.get("width"):
        found.state_size(as_size(image.get("height"), image.get("width"), found.source), place)
    if id in found.pictures:
        raise ValueError("another image has this id")
    found.pictures[id] = Picture(place, image.get("name") or "", id=id)
    for shape in image:
        _add(found, id, shape, shape.get("label"), None)


def _read_track(track: Element, found: _Found) -> None:
    number = found.objects.number(track.attrib["id"])
    frames = [int(shape.get("frame", -1)) for shape in track]
    for frame in frames:
        if not 0 <= frame < _MOST_FRAMES:
            raise ValueError(f"a shape on frame {frame}")
        found.last_frame = max(found.last_frame, frame)
    is_of_keyframes = all(shape.get("keyframe") == "1" for shape in track)
    before: _Shape | None = None  # what is seen until the next keyframe
    for frame, shape in sorted(zip(frames, track, strict=True), key=lambda one: one[0]):
        now = None if shape.get("outside") == "1" else _add(found, frame, shape, track.get("label"), number)
        if before and is_of_keyframes and frame - before.frame > found.meta.step:
            found.is_of_keyframes = True
            following = now.outline if now else _outline_or_none(shape)
            found.fill(range(before.frame + 1, frame), before, number, following)
        before = now
    if before and is_of_keyframes:
        found.held.append((before, number))


def _outline_or_none(shape: Element) -> Outline | None:
    """Where a shape is that is not seen; CVAT goes there from the keyframe before."""
    try:
        return outline_of(shape)
    except (KeyError, ValueError):
        return None


def _add(found: _Found, row: int, shape: Element, label: str | None, track: int | None) -> _Shape | None:
    """Add a shape to a picture or frame and return it, or count it and return None where it has no area."""
    masks, added = found.masks(), None
    with tolerated(found.source, f"picture {row}: {shape.tag}", found.left_out):
        outline = outline_of(shape)
        counts = mask_counts(shape, masks.size) if outline is None else outline.counts(masks.size)
        given = {one.attrib["name"]: (one.text or "").strip() for one in shape.iter("attribute")}
        known = {name: value for name, value in given.items() if value != _UNDEFINED}
        if known.get(TRACK):
            track = found.objects.number(known[TRACK])
        number, score = found.objects.new() if track is None else track, as_score(known.get(SCORE) or None)
        found.objects.note(number, label, known.get(NAME))
        masks.add(row, number, counts, score=score)
        added = _Shape(row, outline, counts, score)
    return added

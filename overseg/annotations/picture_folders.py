"""Pictures of several videos in one file, told apart by the folders in their names."""

from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath

from overseg.annotations.annotations import Annotations, Picture
from overseg.annotations.values import VideoUnknownError


def of_one_folder(annotations: Annotations, video: str | None) -> Annotations:
    """The annotations of the pictures of one video, where the names of pictures have folders.

    Where two folders have a picture of one name, these are the pictures in the folder that is called like the video;
    otherwise all pictures are of one video.

    Args:
        annotations: of all pictures.
        video: the video's name, to choose one of several.

    Raises:
        VideoUnknownError: pictures of one name are in several folders, and none of these is called like the video.
    """
    parents = [_parent(picture) for picture in annotations.pictures]
    stems = Counter(picture.stem for picture in annotations.pictures)
    if len(set(parents)) < 2 or "" in stems or max(stems.values()) < 2:
        return annotations
    rows = [row for row, parent in enumerate(parents) if video and video in (str(parent), *parent.parts)]
    if not rows:
        raise _unknown(annotations, list(dict.fromkeys(parents)))
    return replace(
        annotations,
        pictures=tuple(annotations.pictures[row] for row in rows),
        read=lambda row: annotations.read(rows[row]),
        picture_columns={name: column[rows] for name, column in annotations.picture_columns.items()},
    )


def _parent(picture: Picture) -> PurePosixPath:
    return PurePosixPath(picture.name.replace("\\", "/")).parent


def _unknown(annotations: Annotations, folders: list[PurePosixPath]) -> VideoUnknownError:
    last = [folder.name for folder in folders]
    names = last if len(set(last)) == len(last) else list(map(str, folders))
    return VideoUnknownError(
        f"expected pictures of one video in {annotations.source}, got pictures of one name in {len(folders)} folders",
        names,
    )

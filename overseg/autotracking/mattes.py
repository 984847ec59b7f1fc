"""Makes a store of the mattes that hosted models return."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from overseg.data.masks import TrackMasks
from overseg.data.rles import Rles
from overseg.data.track_names import TrackName
from overseg.errors import InputError
from overseg.interchange.imported import Imported, imported_masks
from overseg.interchange.importing import write_store
from overseg.interchange.target import Target
from overseg.stages import Video
from overseg.store.result import Result
from overseg.video.open import open_video

_WHITE = 128  # grey level from which a pixel of a matte is the object; borders in a video are soft
_ODD_PX = 1  # difference in size of a video from pictures with an odd side


def store_mattes(
    mattes: Path, output: Path, *, input: Path, every: int, names: Sequence[str], model: str, overwrite: bool
) -> Result:
    """Make a store of mattes, which are white objects on black. All objects share a picture, so they are one track.

    Args:
        mattes: a video, or a folder of pictures.
        output: the store to write.
        input: the video that the mattes belong to.
        every: there is a matte for every how many frames, from frame 0 on.
        names: names of the white objects.
        model: name of the model, recorded in the store.
        overwrite: replace an existing store.

    Raises:
        InputError: the mattes do not fit the video, or the store cannot be written.
    """
    with open_video(input) as video, open_video(mattes) as found:
        n_expected = len(range(0, len(video), every))
        (height, width), (expected_height, expected_width) = found.info.size, video.info.size
        off_px = max(abs(height - expected_height), abs(width - expected_width))
        if len(found) != n_expected or off_px > _ODD_PX:
            raise InputError(
                f"{mattes} has {len(found)} frames of {width} x {height} px, expected {n_expected} of "
                f"{expected_width} x {expected_height} px for {input}: no store is made"
            )
        called = " + ".join(names)
        imported = Imported(
            size=video.info.size,
            n_frames=len(video),
            frames=_frames(found, len(video), every, video.info.size),
            fps=video.info.fps,
            frame_columns={"timestamp_s": video.timestamps_s},
            name=video.info.name,
            names={0: TrackName(called, called)},
        )
        settings = {"model": model, "every": every}
        return write_store(imported, mattes, output, settings=settings, target=Target.of(input), overwrite=overwrite)


def _frames(mattes: Video, n_frames: int, every: int, size: tuple[int, int]) -> Iterator[TrackMasks]:
    nothing = imported_masks(Rles.empty(size), np.zeros(0, np.int64))
    for frame in range(n_frames):
        if frame % every:
            yield nothing
        else:
            rles = Rles.from_masks(_fitting(mattes[frame // every].rgb[..., 1] >= _WHITE, size)[None])
            yield imported_masks(rles, np.zeros(1, np.int64))


def _fitting(mask: Bool[np.ndarray, "a b"], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """Crop the mask to the size, or repeat its last row and column if they are missing."""
    missing = [(0, max(0, wanted - there)) for wanted, there in zip(size, mask.shape, strict=True)]
    return np.pad(mask, missing, mode="edge")[: size[0], : size[1]]

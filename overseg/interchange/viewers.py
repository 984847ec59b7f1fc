"""Results in viewers: napari's layers, and a recording for rerun. Each depth of the tree of tracks is one map."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

from overseg.errors import SettingsError
from overseg.files.destination import written
from overseg.output.colours import track_colours
from overseg.stages import Video
from overseg.store.flattened import Flattened
from overseg.store.result import Result

_FRAMES_KEPT = 8
_JPEG_QUALITY = 90


class DepthMaps:
    """One depth of the tree as an array [frames, height, width] of tracks' numbers plus 1, made when it is read.

    Attributes:
        shape, dtype, ndim: as of an array.
    """

    dtype = np.dtype(np.int32)
    ndim = 3

    def __init__(self, result: Result, depth: int) -> None:
        """Depth 0 has the roots; where tracks of one depth overlap, small ones are on top."""
        self._flat = Flattened(result, result.tracks, result.tree.depth == depth, len(result))
        self._frame = lru_cache(_FRAMES_KEPT)(lambda frame: self._flat.labels_at(frame) + 1)
        self.shape = (len(result), *result.size)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Integer[np.ndarray, "..."]:
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        numbers = np.arange(len(self))[first]
        if np.ndim(numbers) == 0:
            return self._frame(int(numbers))[rest]
        frames = [self._frame(int(number)) for number in numbers]
        return np.stack(frames)[(slice(None), *rest)] if frames else np.zeros((0, *self.shape[1:]), self.dtype)


def napari_layers(result: Result, video: Video | None = None) -> list[tuple[Any, dict[str, Any], str]]:
    """Layers for napari: one of labels for each depth of the tree, the roots at the bottom, over the frames.

    Example:
        >>> viewer = napari.Viewer()  # doctest: +SKIP
        >>> for layer in napari_layers(result, open_input(result)):  # doctest: +SKIP
        ...     viewer.add_layer(napari.layers.Layer.create(*layer))

    Args:
        result: whose tracks are shown.
        video: its frames; None for labels alone.
    """
    layers: list[tuple[Any, dict[str, Any], str]] = []
    if video is not None:
        layers.append((_Pictures(video), {"name": "frames", "rgb": True}, "image"))
    for depth in range(result.tree.n_depths):
        layers.append((DepthMaps(result, depth), {"name": f"depth {depth}", "opacity": 0.5}, "labels"))
    return layers


class _Pictures:
    """The frames as an array [frames, height, width, 3]."""

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, video: Video) -> None:
        self._video = video
        self.shape = (len(video), *video.info.size, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Integer[np.ndarray, "..."]:
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        numbers = np.arange(len(self))[first]
        if np.ndim(numbers) == 0:
            return self._video[int(numbers)].rgb[rest]
        return np.stack([self._video[int(number)].rgb for number in numbers])[(slice(None), *rest)]


def write_rerun(result: Result, path: str | Path, video: Video | None = None, *, overwrite: bool = False) -> None:
    """Write a recording (.rrd) for rerun's viewer: frames, and a segmentation for each depth of the tree.

    Example:
        >>> write_rerun(result, "cup.rrd", open_input(result))  # doctest: +SKIP

    Args:
        result: whose tracks are shown.
        path: the file.
        video: its frames; None for segmentations alone.
        overwrite: replace an older file.

    Raises:
        SettingsError: rerun is not installed.
        InputError: the file cannot be written.
    """
    try:
        import rerun
    except ModuleNotFoundError as e:
        raise SettingsError("rerun is not installed: pip install 'overseg[rerun]'") from e
    maps = [DepthMaps(result, depth) for depth in range(result.tree.n_depths)]
    with written(Path(path), overwrite=overwrite) as folder:
        recording = rerun.RecordingStream("overseg")
        recording.save(folder / "recording.rrd")
        colours = track_colours(np.arange(len(result.tracks))).tolist()
        names = [(track + 1, f"track {track}", tuple(colour)) for track, colour in enumerate(colours)]
        recording.log("frame", rerun.AnnotationContext(names), static=True)
        for frame in range(len(result)):
            recording.set_time("frame", sequence=frame)
            if video is not None:
                recording.log("frame/picture", rerun.Image(video[frame].rgb).compress(jpeg_quality=_JPEG_QUALITY))
            for depth, depth_maps in enumerate(maps):
                recording.log(f"frame/depth_{depth}", rerun.SegmentationImage(depth_maps[frame].astype(np.uint32)))
        recording.flush()

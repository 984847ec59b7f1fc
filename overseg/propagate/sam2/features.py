"""SAM 2's image features of frames: each frame is encoded once, and its features are cached."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import numpy as np
import torch
from PIL import Image
from sam2.modeling.sam2_base import SAM2Base

from overseg.batching import enough_memory
from overseg.data.frame import Frame
from overseg.data.video_info import VideoInfo
from overseg.propagate.feature_cache import FeatureCache
from overseg.propagate.sam2.tracker import TrackerModel

ADVICE = "try smaller weights (sam2.1_hiera_tiny), --propagation-size 512, --resize, or --device cpu"
_MEAN_RGB = (0.485, 0.456, 0.406)  # ImageNet's, with which SAM 2 was trained
_STD_RGB = (0.229, 0.224, 0.225)
_ACCELERATOR_FRAMES = 2  # a clip's last batch may have empty places; with more of them they cost more than is gained


@dataclass(frozen=True)
class ImageFeatures:
    """Image features of one frame, from the finest to the coarsest level.

    Attributes:
        levels: tensors [1, channels, h, w], each in the type in which the model returns it. In mixed precision the
            coarsest one is float32, and so is what memory attention makes of it.
    """

    levels: tuple[torch.Tensor, ...]

    @property
    def n_bytes(self) -> int:
        return sum(level.numel() * level.element_size() for level in self.levels)

    def to(self, device: torch.device | str) -> "ImageFeatures":
        return ImageFeatures(tuple(level.to(device) for level in self.levels))


@runtime_checkable
class ImageSide(Protocol):
    """Makes the image features of frames with one model."""

    def pixels(self, frame: Frame) -> torch.Tensor:
        """A frame as the model takes it, in host memory."""
        ...

    def encode(self, pixels: Sequence[torch.Tensor]) -> list[ImageFeatures]:
        """The features of frames, which go through the model at once."""
        ...


class Sam2Images:
    """Makes SAM 2's image features; see `ImageSide`."""

    def __init__(self, model: SAM2Base) -> None:
        self._model = model

    def pixels(self, frame: Frame) -> torch.Tensor:
        """A frame, resized as upstream does it with JPEG files, uint8 [side, side, 3]."""
        side = self._model.image_size
        return torch.from_numpy(np.array(Image.fromarray(frame.rgb).resize((side, side))))

    def encode(self, pixels: Sequence[torch.Tensor]) -> list[ImageFeatures]:
        """The features of frames, which go through the model at once."""
        images = [self._normalised(one) for one in pixels]
        levels = self._model.forward_image(images[0] if len(images) == 1 else torch.cat(images))["backbone_fpn"]
        return [ImageFeatures(row) for row in zip(*(level.split(1) for level in levels), strict=True)]

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        return normalised(pixels.to(self._model.device, non_blocking=True).permute(2, 0, 1).float()[None] / 255.0)


def normalised(images: torch.Tensor) -> torch.Tensor:
    """Pictures [b, 3, h, w] as SAM 2 takes them, from values in [0, 1]."""
    # Sent without waiting for the device, which may still compute what came before.
    mean, std = (torch.tensor(rgb).to(images.device, non_blocking=True) for rgb in (_MEAN_RGB, _STD_RGB))
    mean, std = mean[:, None, None], std[:, None, None]
    return (images - mean) / std


class FeatureEncoder:
    """Encodes frames, and caches their features in host memory."""

    def __init__(self, model: TrackerModel, *, cache_bytes: int, images: ImageSide | None = None) -> None:
        """
        Args:
            model: from `load_sam2`, or another one.
            cache_bytes: size of the cache.
            images: the image side of the model; None for SAM 2's.
        """
        self._model = model
        self._images = images or Sam2Images(cast(SAM2Base, model))
        self._cache = FeatureCache[ImageFeatures](max_bytes=cache_bytes, n_bytes=lambda features: features.n_bytes)

    def features(self, video: VideoInfo, frame: Frame) -> ImageFeatures:
        """Image features of a frame of `video`, on the model's device.

        Raises:
            DeviceError: memory runs out.
        """
        cached = self._cached(video, frame)
        if cached is not None:
            return cached
        return self._encoded(video, [(frame, self.pixels(frame))])[0]

    def batch(self, video: VideoInfo, frames: Sequence[tuple[Frame, torch.Tensor]]) -> list[ImageFeatures]:
        """Image features of frames, encoded at once where they are not cached; frames come with their `pixels`."""
        found = [self._cached(video, frame) for frame, _ in frames]
        missing = [one for one, features in zip(frames, found, strict=True) if features is None]
        encoded = iter(self._encoded(video, missing) if missing else [])
        return [next(encoded) if features is None else features for features in found]

    def pixels(self, frame: Frame) -> torch.Tensor:
        """A frame as the model takes it, in host memory.

        It is in pinned memory for a GPU, to which it is then copied while the GPU computes.
        """
        pixels = self._images.pixels(frame)
        return _pinned(pixels, self._model.device) if self._model.device.type == "cuda" else pixels

    def _cached(self, video: VideoInfo, frame: Frame) -> ImageFeatures | None:
        cached = self._cache.get(_key(video, frame))
        if cached is None:
            return None
        with enough_memory(for_="for the features of one frame", advice=ADVICE):
            return cached.to(self._model.device)

    def _encoded(self, video: VideoInfo, frames: Sequence[tuple[Frame, torch.Tensor]]) -> list[ImageFeatures]:
        with enough_memory(for_="to encode one frame", advice=ADVICE):
            encoded = self._encode([pixels for _, pixels in frames])
        for (frame, _), features in zip(frames, encoded, strict=True):
            if self._cache.has_room_for(features):
                self._cache.put(_key(video, frame), features.to("cpu"))
        return encoded

    def _encode(self, pixels: Sequence[torch.Tensor]) -> list[ImageFeatures]:
        """The features of frames. On a GPU they are always encoded in batches of one size.

        The features of a frame then do not depend on how many others are encoded with it.
        """
        at_once = frames_at_once(self._model)
        n_empty = -len(pixels) % at_once
        images = [*pixels, *[pixels[-1]] * n_empty]
        batches = [images[first : first + at_once] for first in range(0, len(images), at_once)]
        found = [one for batch in batches for one in self._images.encode(batch)]
        return found[: len(pixels)]


def frames_at_once(model: TrackerModel) -> int:
    """How many frames are encoded at once."""
    return 1 if model.device.type == "cpu" else _ACCELERATOR_FRAMES


def _pinned(pixels: torch.Tensor, device: torch.device) -> torch.Tensor:
    with torch.cuda.device(device):  # otherwise a context is opened on the first GPU
        return pixels.pin_memory()


def _key(video: VideoInfo, frame: Frame) -> Hashable:
    """A frame's number does not identify its picture: another stride renumbers frames, another size changes them."""
    return video.sha256, frame.index, frame.timestamp_s, frame.size

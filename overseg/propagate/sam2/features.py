"""SAM 2's image features of frames: each frame is encoded once, and its features are cached."""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from sam2.modeling.sam2_base import SAM2Base

from overseg.batching import enough_memory
from overseg.data.frame import Frame
from overseg.data.video_info import VideoInfo
from overseg.propagate.feature_cache import FeatureCache

ADVICE = "try smaller weights (sam2.1_hiera_tiny), --propagation-size 512, --resize, or --device cpu"
_MEAN_RGB = (0.485, 0.456, 0.406)  # ImageNet's, with which SAM 2 was trained
_STD_RGB = (0.229, 0.224, 0.225)


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


class FeatureEncoder:
    """Encodes frames, and caches their features in host memory."""

    def __init__(self, model: SAM2Base, *, cache_bytes: int) -> None:
        """
        Args:
            model: from `load_sam2`.
            cache_bytes: size of the cache.
        """
        self._model = model
        self._cache = FeatureCache[ImageFeatures](max_bytes=cache_bytes, n_bytes=lambda features: features.n_bytes)

    def features(self, video: VideoInfo, frame: Frame) -> ImageFeatures:
        """Image features of a frame of `video`, on the model's device.

        Raises:
            DeviceError: memory runs out.
        """
        # A frame's number does not identify its picture: another stride renumbers frames, another size changes them.
        key = (video.sha256, frame.index, frame.timestamp_s, frame.size)
        cached = self._cache.get(key)
        if cached is not None:
            with enough_memory(for_="for the features of one frame", advice=ADVICE):
                return cached.to(self._model.device)
        with enough_memory(for_="to encode one frame", advice=ADVICE):
            features = self._encode(frame)
        self._cache.put(key, features.to("cpu"))
        return features

    def _encode(self, frame: Frame) -> ImageFeatures:
        """The features of a frame that is resized and normalised as upstream does it with JPEG files."""
        side = self._model.image_size
        pixels = np.asarray(Image.fromarray(frame.rgb).resize((side, side)))
        return ImageFeatures(tuple(self._model.forward_image(self._normalised(pixels))["backbone_fpn"]))

    def _normalised(self, pixels: np.ndarray) -> torch.Tensor:
        device = self._model.device
        image = torch.from_numpy(pixels.copy()).to(device).permute(2, 0, 1).float() / 255.0
        mean, std = (torch.tensor(rgb, device=device)[:, None, None] for rgb in (_MEAN_RGB, _STD_RGB))
        return ((image - mean) / std)[None]

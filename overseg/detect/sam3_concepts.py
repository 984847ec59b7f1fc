"""Finds objects by the concept prompts of SAM 3 (Meta, 2025; the SAM licence), through transformers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from overseg.data.detections import Detections
from overseg.data.frame import Frame
from overseg.detect.loading import from_folder, on_device, pictures
from overseg.errors import SettingsError
from overseg.transformers_extra import import_transformers

_TITLE = "SAM 3"
_MOST_TOKENS = 32  # of a text, as transformers' processor has it


class Sam3Concepts:
    """Finds all instances of what each text describes; see `stages.Detector`. Its categories are the texts.

    A detection's confidence is the model's probability that the box is such an object, times that there is one in the
    picture at all.
    """

    def __init__(
        self, folder: Path, texts: Sequence[str], *, device: str = "cpu", min_confidence: float = 0.25
    ) -> None:
        """The arguments and errors are those of `WordsDetector`."""
        transformers = import_transformers("--text")
        self.categories = tuple(texts)
        self._min_confidence = min_confidence
        self._images, tokenizer, model = from_folder(
            folder, _TITLE, transformers.Sam3ImageProcessor, transformers.AutoTokenizer, transformers.Sam3Model
        )
        self._model = on_device(model, device)
        words = tokenizer(list(texts), padding="max_length", max_length=_MOST_TOKENS, return_tensors="pt")
        if words["input_ids"].shape[1] > _MOST_TOKENS:
            raise SettingsError(f"--text: one is longer than the {_MOST_TOKENS} tokens that {_TITLE} takes")
        self._words = [
            {name: words[name][row : row + 1].to(device) for name in ("input_ids", "attention_mask")}
            for row in range(len(texts))
        ]

    @torch.inference_mode()
    def detect(self, frame: Frame) -> Detections:
        """The objects on a frame, the most confident first. The frame is encoded once for all texts."""
        pixels = pictures(self._images, frame).pixel_values.to(self._model.device)
        encoded = self._model.get_vision_features(pixels)
        boxes, confidence, category = [], [], []
        for number, words in enumerate(self._words):
            output = self._model(vision_embeds=encoded, **words)
            (found,) = self._images.post_process_object_detection(
                output, threshold=self._min_confidence, target_sizes=[frame.size]
            )
            boxes.append(found["boxes"])
            confidence.append(found["scores"])
            category.append(torch.full((len(found["scores"]),), number, dtype=torch.int32))
        sure = torch.cat(confidence).float().cpu()
        order = torch.argsort(sure, descending=True, stable=True)
        height, width = frame.size
        limits = np.array([width, height, width, height], np.float32)
        corners = torch.cat(boxes).float().cpu()[order].numpy().clip(0, limits)
        return Detections(corners, sure[order].numpy(), torch.cat(category)[order].numpy())

"""Finds objects that are described in words, with zero-shot detectors of transformers.

Grounding DINO (Liu et al., arXiv:2303.05499), OWL-ViT and OWLv2 (Minderer et al., arXiv:2306.09683); all Apache-2.0.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overseg.data.detections import Detections
from overseg.data.frame import Frame
from overseg.data.track_names import check_name
from overseg.detect.loading import from_folder, on_device, pictures
from overseg.errors import SettingsError
from overseg.transformers_extra import import_transformers

DEFAULT_WEIGHTS = "grounding_dino_tiny"
DEFAULT_CONFIDENCE = 0.3  # of a detection that prompts; zero-shot detectors are less sure than trained ones
_GROUNDING = ("grounding-dino", "mm-grounding-dino")
_SQUARE = "owlv2"  # whose pictures are padded to squares
_TITLE = "a detector that takes words"
_STOP = "."  # between phrases, for Grounding DINO


def checked_texts(texts: Sequence[str]) -> tuple[str, ...]:
    """The descriptions, without spaces around them and without repetitions.

    >>> checked_texts(["a cup", " a cup ", "a hand."])
    ('a cup', 'a hand')

    Raises:
        SettingsError: one is empty, or has several sentences.
        InputError: one is too long, or cannot be printed.
    """
    found = []
    for text in texts:
        words = text.strip().removesuffix(_STOP).strip()
        if not words:
            raise SettingsError(f'--text takes words for one kind of object, such as "a cup", not {text!r}')
        if _STOP in words:
            raise SettingsError(f"--text takes one kind of object, got {text!r}: give --text once for each kind")
        found.append(check_name(words, place=f"--text {text}"))
    return tuple(dict.fromkeys(found))


class WordsDetector:
    """Finds the objects that texts describe; see `stages.Detector`. Its categories are the texts."""

    def __init__(
        self, folder: Path, texts: Sequence[str], *, device: str = "cpu", min_confidence: float = 0.25
    ) -> None:
        """
        Args:
            folder: weights and processor of a detector, as transformers writes them.
            texts: one for each kind of object, from `checked_texts`.
            device: "cpu", "cuda", "cuda:1", "mps".
            min_confidence: detections below it are left out.

        Raises:
            SettingsError: transformers is missing or too old, or the texts are too long for the detector.
            WeightsError: the folder holds something else, or is damaged.
            DeviceError: the device is not available.
        """
        transformers = import_transformers("--text")
        self.categories = tuple(texts)
        self._min_confidence = min_confidence
        self._images, tokenizer, model = from_folder(
            folder,
            _TITLE,
            transformers.AutoImageProcessor,
            transformers.AutoTokenizer,
            transformers.AutoModelForZeroShotObjectDetection,
        )
        kind = model.config.model_type
        self._is_grounding, self._is_square = kind in _GROUNDING, kind == _SQUARE
        self._text = self._tokens(tokenizer, device, _most_tokens(model))
        self._model = on_device(model, device)

    def detect(self, frame: Frame) -> Detections:
        """The objects on a frame, the most confident first."""
        pixels = pictures(self._images, frame).to(self._model.device)
        with torch.inference_mode():
            output = self._model(**pixels, **self._text)
        scores = self._scores(output.logits[0].sigmoid())
        confidence, category = scores.max(dim=1)
        order = torch.argsort(confidence, descending=True, stable=True)
        order = order[confidence[order] >= self._min_confidence]
        boxes = _in_picture(output.pred_boxes[0][order].float().cpu().numpy(), frame.size, is_square=self._is_square)
        return Detections(
            boxes, confidence[order].float().cpu().numpy(), category[order].cpu().numpy().astype(np.int32)
        )

    def _tokens(self, tokenizer: Any, device: str, n_most: int) -> dict[str, torch.Tensor]:
        """The texts as the model takes them; with Grounding DINO also which tokens are of which text."""
        self._text_of_token = torch.zeros(0)
        if not self._is_grounding:
            words = tokenizer(list(self.categories), padding="max_length", max_length=n_most, return_tensors="pt")
            if words["input_ids"].shape[1] > n_most:
                raise SettingsError(f"--text: one is longer than the {n_most} tokens that the detector takes")
            return {name: words[name].to(device) for name in ("input_ids", "attention_mask")}
        joined = f"{_STOP} ".join(text.lower() for text in self.categories) + _STOP
        words = tokenizer(joined, return_tensors="pt")
        ids = words["input_ids"][0]
        if len(ids) > n_most:
            raise SettingsError(f"--text: all together are longer than the {n_most} tokens that the detector takes")
        is_stop = ids == tokenizer.convert_tokens_to_ids(_STOP)
        number = is_stop.cumsum(0)  # of the text that a token is in
        is_word = ~is_stop & ~torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
        rows = torch.arange(len(self.categories))[:, None]
        self._text_of_token = ((number == rows) & is_word).to(device)
        return {name: tensor.to(device) for name, tensor in words.items()}

    def _scores(self, probabilities: torch.Tensor) -> torch.Tensor:
        """The confidence of each box for each text, from those for tokens or for texts."""
        if not self._is_grounding:
            return probabilities
        n_tokens = self._text_of_token.shape[1]
        of_text = torch.where(self._text_of_token, probabilities[:, None, :n_tokens], 0.0)
        return of_text.amax(dim=2)


def _most_tokens(model: Any) -> int:
    config = model.config
    return config.max_text_len if hasattr(config, "max_text_len") else config.text_config.max_position_embeddings


def _in_picture(boxes_cxcywh: np.ndarray, size: tuple[int, int], *, is_square: bool) -> np.ndarray:
    """Boxes (x1, y1, x2, y2) in pixels, from shares of the picture, or of the square around it."""
    height, width = size
    scale = np.array([max(size)] * 2 if is_square else [width, height], np.float32)
    centre, extent = boxes_cxcywh[:, :2] * scale, boxes_cxcywh[:, 2:] * scale
    corners = np.concatenate([centre - extent / 2, centre + extent / 2], axis=1)
    return corners.clip(0, np.array([width, height, width, height], np.float32)).astype(np.float32)

"""The image side of the tracking models of transformers, prompted on pictures, as a generator."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from overseg.data.frame import Frame
from overseg.data.machine import Machine
from overseg.data.settings import Settings
from overseg.generate.drawn_decoding import DrawnOutput, DrawnPictures
from overseg.generate.encoding import TOKEN_PX, Framing
from overseg.generate.picture_model import Encoding, PromptWork
from overseg.generate.sam1_adapter import PromptedGenerator, build_prompted
from overseg.propagate.hf.family import HfFamily
from overseg.propagate.hf.loading import load_tracker
from overseg.propagate.hf.tracker import HfTracker
from overseg.propagate.sam2.work import prompt_work
from overseg.weights import weights_path


def generator_builder(family: HfFamily) -> Callable[[Settings, Machine], PromptedGenerator]:
    """The function that builds the generator of a family of models."""

    def build(settings: Settings, machine: Machine) -> PromptedGenerator:
        """The generator that the settings describe, with its weights loaded.

        Raises:
            SettingsError: transformers is missing or too old.
            WeightsError: the weights are missing, or are another model's.
        """
        tracker = load_tracker(weights_path(settings.weights or ""), family, device=machine.device)
        return build_prompted(HfPictures(tracker), settings)

    return build


class HfPictures(DrawnPictures):
    """A tracking model whose image side alone is used; see `PictureModel`. Pictures are stretched to squares.

    Prompts are in pixels of the framing, of which each cell of features has 16. The model's own cells may have others.
    """

    def __init__(self, tracker: HfTracker) -> None:
        self._tracker, self._model = tracker, tracker.model
        rows, _ = tracker.sizes[-1]
        self.side_px = TOKEN_PX * rows
        self._own_px = tracker.image_size / self.side_px
        self.work = PromptWork(tracker.cost.frame_work, prompt_work(self.side_px))
        self._model.mask_decoder.dynamic_multimask_via_stability = False  # output 0 is asked for, and no other

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._tracker.device

    def encode(self, frame: Frame, framing: Framing) -> Encoding:
        """What the encoder makes of a frame, resized and normalised as transformers does it."""
        levels = list(self._tracker.encode([self._tracker.pixels(frame)])[0].levels)
        levels[-1] = levels[-1] + self._model.no_memory_embedding
        maps = [
            level.permute(1, 2, 0).unflatten(2, size) for level, size in zip(levels, self._tracker.sizes, strict=True)
        ]
        return Encoding(maps[-1], tuple(maps[:-1]))

    def outputs(
        self,
        encoding: Encoding,
        *,
        points: tuple[Float[Tensor, "b p 2"], Int[Tensor, "b p"]] | None,
        boxes_xyxy: Float[Tensor, "b 4"] | None,
        logits: Float[Tensor, "b 1 y x"] | None,
        needs_first: bool,
    ) -> DrawnOutput:
        """The four outputs for prompts; see `DrawnPictures`. transformers decodes output 0 and the others apart."""
        n = next(len(one) for one in (points and points[0], boxes_xyxy, logits) if one is not None)
        if points is None and boxes_xyxy is None:
            nowhere = torch.full((n, 1), -1, dtype=torch.int, device=self.device)
            points = torch.zeros((n, 1, 2), device=self.device), nowhere
        embedded = self._model.prompt_encoder(
            None if points is None else points[0][:, None] * self._own_px,
            None if points is None else points[1][:, None],
            None if boxes_xyxy is None else boxes_xyxy[:, None] * self._own_px,
            logits,
        )
        several = self._decoded(encoding, n, *embedded, is_multimask=True)
        if not needs_first:
            return DrawnOutput(F.pad(several.predicted_iou, (1, 0)), F.pad(several.logits, (0, 0, 0, 0, 1, 0)))
        first = self._decoded(encoding, n, *embedded, is_multimask=False)
        return DrawnOutput(
            torch.cat([first.predicted_iou, several.predicted_iou], dim=1),
            torch.cat([first.logits, several.logits], dim=1),
        )

    def _decoded(self, encoding: Encoding, n: int, sparse: Tensor, dense: Tensor, *, is_multimask: bool) -> DrawnOutput:
        logits, predicted_iou, _, _ = self._model.mask_decoder(
            image_embeddings=encoding.embedding.expand(n, -1, -1, -1),
            image_positional_embeddings=self._model.get_image_wide_positional_embeddings().expand(n, -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=is_multimask,
            high_resolution_features=[level.expand(n, -1, -1, -1) for level in encoding.finer],
        )
        return DrawnOutput(predicted_iou[:, 0], logits[:, 0])

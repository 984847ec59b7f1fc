"""The image side of SAM 2 and 2.1 (Ravi et al., arXiv:2408.00714; Apache-2.0) in sam2's own modules, as a generator."""

import torch
from jaxtyping import Float, Int
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import functional as F

from overseg.data.frame import Frame
from overseg.data.machine import Machine
from overseg.data.settings import Settings
from overseg.generate.drawn_decoding import DrawnOutput, DrawnPictures
from overseg.generate.encoding import TOKEN_PX, Framing
from overseg.generate.picture_model import Encoding, PromptWork
from overseg.generate.sam1_adapter import PromptedGenerator, build_prompted
from overseg.propagate.sam2.features import normalised
from overseg.propagate.sam2.model import compile_parts, load_sam2, sam2_cost
from overseg.propagate.sam2.work import prompt_work
from overseg.weights import weights_path


def build(settings: Settings, machine: Machine) -> PromptedGenerator:
    """The generator that the settings describe, with its weights loaded.

    Raises:
        WeightsError: the weights are missing, or are not SAM 2's.
    """
    model = load_sam2(weights_path(settings.weights or ""), device=machine.device)
    if settings.compile:
        compile_parts(model)
    return build_prompted(Sam2Pictures(model), settings)


class Sam2Pictures(DrawnPictures):
    """SAM 2 as its image predictor uses it; see `PictureModel`. Pictures are stretched to squares."""

    def __init__(self, model: SAM2Base) -> None:
        """`model` is from `load_sam2`."""
        self._model = model
        self.side_px = TOKEN_PX * (model.image_size // model.backbone_stride)
        self.work = PromptWork(sam2_cost(model).frame_work, prompt_work(self.side_px))

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._model.device

    def encode(self, frame: Frame, framing: Framing) -> Encoding:
        """What the encoder makes of a frame, resized as sam2's image predictor does it."""
        pixels = torch.from_numpy(frame.rgb.copy()).to(self.device).permute(2, 0, 1)[None] / 255.0
        side = self._model.image_size
        resized = F.interpolate(pixels, (side, side), mode="bilinear", align_corners=False, antialias=True)
        levels = self._model.forward_image(normalised(resized))["backbone_fpn"]
        if self._model.directly_add_no_mem_embed:
            levels[-1] = levels[-1] + self._model.no_mem_embed.reshape(1, -1, 1, 1)
        return Encoding(levels[-1], tuple(levels[:-1]))

    def outputs(
        self,
        encoding: Encoding,
        *,
        points: tuple[Float[Tensor, "b p 2"], Int[Tensor, "b p"]] | None,
        boxes_xyxy: Float[Tensor, "b 4"] | None,
        logits: Float[Tensor, "b 1 y x"] | None,
        needs_first: bool,
    ) -> DrawnOutput:
        """The four outputs for prompts; see `DrawnPictures`. The corners of a box are points of their own kind."""
        given = [] if points is None else [points]
        if boxes_xyxy is not None:
            corners = torch.tensor([[2, 3]], dtype=torch.int, device=self.device).expand(len(boxes_xyxy), -1)
            given.insert(0, (boxes_xyxy.unflatten(1, (2, 2)), corners))
        prompt_encoder, decoder = self._model.sam_prompt_encoder, self._model.sam_mask_decoder
        sparse, dense = prompt_encoder(
            points=tuple(torch.cat(part, dim=1) for part in zip(*given, strict=True)) if given else None,
            boxes=None,
            masks=logits,
        )
        drawn, predicted_iou, _, _ = decoder.predict_masks(
            image_embeddings=encoding.embedding,
            image_pe=prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            repeat_image=True,
            high_res_features=list(encoding.finer),
        )
        return DrawnOutput(predicted_iou, drawn)

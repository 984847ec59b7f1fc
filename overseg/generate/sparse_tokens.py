"""SAM's prompt encoder for points and boxes, its sparse tokens, with segment_anything's weights and values.

It differs in two ways. It selects by numbers and not by boolean masks, for whose number of true values a program waits
for a GPU, six times a batch. And it computes in float32 in mixed precision, too: bfloat16 has eight bits, with which
a place among 1024 pixels is known to two pixels.
"""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from segment_anything.modeling import PromptEncoder

_NO_POINT = -1  # the label of a place that stands for the lack of a box


def sparse_tokens(
    encoder: "PromptEncoder",
    points: tuple[Float[Tensor, "b p 2"], Int[Tensor, "b p"]] | None,
    boxes_xyxy: Float[Tensor, "b 4"] | None,
) -> Float[Tensor, "b t c"]:
    """The tokens of prompts: of points and a place for no box, or of points and the corners of a box.

    Args:
        encoder: its weights.
        points: (x, y) in pixels of the image encoder's input, and the labels: 1 on the object, 0 beside it.
        boxes_xyxy: in the same pixels.
    """
    given = [part for part in (points and points[0], boxes_xyxy) if part is not None]
    with torch.autocast(given[0].device.type, enabled=False):
        tokens = []
        if points is not None:
            tokens.append(_of_points(encoder, *(points if boxes_xyxy is not None else _padded(*points))))
        if boxes_xyxy is not None:
            tokens.append(_of_corners(encoder, boxes_xyxy.unflatten(1, (2, 2))))
        return torch.cat(tokens, dim=1)


def positions(encoder: "PromptEncoder") -> Float[Tensor, "1 c y x"]:
    """The positional encoding of the image tokens."""
    weight = encoder.no_mask_embed.weight
    with torch.autocast(weight.device.type, enabled=False):
        return encoder.get_dense_pe()


def _padded(xy: Float[Tensor, "b p 2"], labels: Int[Tensor, "b p"]) -> tuple[Tensor, Tensor]:
    no_place = xy.new_full((len(xy), 1, 2), -0.5)  # half a pixel is added to it
    return torch.cat([xy, no_place], dim=1), torch.cat([labels, labels.new_full((len(labels), 1), _NO_POINT)], dim=1)


def _of_points(
    encoder: "PromptEncoder", xy: Float[Tensor, "b p 2"], labels: Int[Tensor, "b p"]
) -> Float[Tensor, "b p c"]:
    others, no_point = encoder.point_embeddings, encoder.not_a_point_embed
    kinds = torch.cat([no_point.weight, others[0].weight, others[1].weight])[(labels - _NO_POINT).long()]
    at = encoder.pe_layer.forward_with_coords(xy + 0.5, encoder.input_image_size)
    return at.masked_fill((labels == _NO_POINT)[..., None], 0.0) + kinds


def _of_corners(encoder: "PromptEncoder", xy: Float[Tensor, "b 2 2"]) -> Float[Tensor, "b 2 c"]:
    kinds = torch.cat([encoder.point_embeddings[2].weight, encoder.point_embeddings[3].weight])
    return encoder.pe_layer.forward_with_coords(xy + 0.5, encoder.input_image_size) + kinds

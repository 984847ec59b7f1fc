"""The two-way transformer of SAM's mask decoder: a prompt's tokens attend to a picture's tokens, and these to them.

The architecture is that of Kirillov et al., "Segment Anything" (2023), appendix A, "Lightweight mask decoder".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from overseg.generate import image_attention
from overseg.generate.image_tokens import Attended

if TYPE_CHECKING:
    from segment_anything.modeling import MaskDecoder
    from segment_anything.modeling.transformer import TwoWayAttentionBlock


@dataclass(frozen=True)
class Projected:
    """Image tokens projected by the first layer, in h heads of d channels: the same for all prompts without a mask."""

    keys: Float[Tensor, "h d n"]
    values: Float[Tensor, "h n d"]
    queries: Float[Tensor, "h d n"]

    @classmethod
    def of(cls, decoder: "MaskDecoder", attended: Attended) -> "Projected":
        """The projections of these tokens."""
        first = decoder.transformer.layers[0]
        to_image, to_token = first.cross_attn_token_to_image, first.cross_attn_image_to_token
        at = attended.image + attended.position
        return cls(
            keys=image_attention.by_head(to_image.k_proj(at), to_image)[0].transpose(1, 2).contiguous(),
            values=image_attention.by_head(to_image.v_proj(attended.image), to_image)[0].contiguous(),
            queries=image_attention.by_head(to_token.q_proj(at), to_token)[0].transpose(1, 2).contiguous(),
        )


class PromptTokens(NamedTuple):
    """The t tokens of b prompts to which image tokens attend in a layer: values, and keys with their positions."""

    values: Float[Tensor, "b t c"]
    keys: Float[Tensor, "b t c"]


class Answer(NamedTuple):
    """What the transformer makes of b prompts.

    Attributes:
        tokens: the prompts' tokens: one for the predicted IoU, one for each mask, and the prompt's own.
        image: the image tokens.
        steps: the prompts' tokens to which the image tokens attended in each layer.
    """

    tokens: Float[Tensor, "b t c"]
    image: Float[Tensor, "b n c"]
    steps: list[PromptTokens]


def attend(
    decoder: "MaskDecoder", prompt: Float[Tensor, "b p c"], attended: Attended, projected: Projected | None = None
) -> Answer:
    """The tokens of prompts and picture after they attended to each other.

    Args:
        decoder: its weights.
        prompt: the tokens of the prompts, as the prompt encoder makes them.
        attended: the image tokens.
        projected: their projections by the first layer, if they are known.
    """
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
    start = torch.cat([own.expand(len(prompt), -1, -1), prompt], dim=1)
    tokens, steps = start, []
    for number, layer in enumerate(decoder.transformer.layers):
        tokens, attended = _layer(layer, tokens, start, attended, projected if number == 0 else None)
        steps.append(PromptTokens(tokens, tokens + start))
    last, image = decoder.transformer.final_attn_token_to_image, attended.image
    at = image + attended.position
    tokens = tokens + image_attention.token_to_image(last, tokens + start, at, image, attended.log_counts)
    return Answer(decoder.transformer.norm_final_attn(tokens), image, steps)


def image_after(decoder: "MaskDecoder", attended: Attended, steps: Sequence[PromptTokens]) -> Float[Tensor, "b n c"]:
    """Other image tokens after they attended to the prompts' tokens. What the prompts attended to does not change."""
    image = attended.image
    for layer, tokens in zip(decoder.transformer.layers, steps, strict=True):
        image = _image_after(layer, image, image + attended.position, tokens)
    return image


def _layer(
    layer: "TwoWayAttentionBlock", tokens: Tensor, start: Tensor, attended: Attended, projected: Projected | None
) -> tuple[Tensor, Attended]:
    to_image, to_token = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
    image, log_counts = attended.image, attended.log_counts
    tokens = _self_attention(layer, tokens, start)
    if projected is None:
        at = image + attended.position
        gathered = image_attention.token_to_image(to_image, tokens + start, at, image, log_counts)
    else:
        keys, values = projected.keys, projected.values
        gathered = image_attention.token_to_projected_image(to_image, tokens + start, keys, values, log_counts)
    tokens = layer.norm2(tokens + gathered)
    tokens = layer.norm3(tokens + layer.mlp(tokens))
    if projected is None:
        return tokens, replace(attended, image=_image_after(layer, image, at, PromptTokens(tokens, tokens + start)))
    weights = image_attention.projected_image_to_token_weights(to_token, tokens + start, projected.queries)
    image = layer.norm4(image_attention.image_to_token(to_token, image, weights, tokens))
    return tokens, replace(attended, image=image)


def _image_after(layer: "TwoWayAttentionBlock", image: Tensor, image_at: Tensor, tokens: PromptTokens) -> Tensor:
    """The image tokens of a layer after they attended to the prompt's tokens."""
    to_token = layer.cross_attn_image_to_token
    weights = image_attention.image_to_token_weights(to_token, tokens.keys, image_at)
    return layer.norm4(image_attention.image_to_token(to_token, image, weights, tokens.values))


def _self_attention(layer: "TwoWayAttentionBlock", tokens: Tensor, start: Tensor) -> Tensor:
    """The prompt's tokens attend to each other. In the first layer they are their own positional encodings."""
    if layer.skip_first_layer_pe:
        return layer.norm1(layer.self_attn(q=tokens, k=tokens, v=tokens))
    at = tokens + start
    return layer.norm1(tokens + layer.self_attn(q=at, k=at, v=tokens))

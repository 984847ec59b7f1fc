"""SAM's mask decoder for many prompts on one picture: segment_anything's weights and masks, with less work.

1. The image tokens of the first layer are the same for all point prompts. Their projections are computed once.
2. The predicted IoU comes from the prompt's tokens alone. Masks are upscaled only for prompts whose masks are needed,
   only in the picture, not in its padding, and if they need not be exact, in detail only near their borders.
3. `image_attention` computes the cross-attention with fewer multiplications.
4. Prompts attend to the image tokens of the picture, 37 of 64 rows at 16:9, and to a few that stand for the padding;
   see `image_tokens`. `with_padding` computes all of them, as segment_anything does.

The architecture is that of Kirillov et al., "Segment Anything" (2023), appendix A, "Lightweight mask decoder".
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from overseg.generate import image_attention
from overseg.generate.image_tokens import ImageTokens
from overseg.generate.upscaling import LOGITS_PER_TOKEN, Upscaling
from overseg.side_by_side import in_one_thread

if TYPE_CHECKING:
    from segment_anything.modeling import Sam
    from segment_anything.modeling.transformer import TwoWayAttentionBlock

FIRST_SAM_OUTPUT = 1  # outputs 1 to 3 are subpart, part and whole; output 0 is for unambiguous prompts


@dataclass(frozen=True)
class DecoderOutput:
    """The decoder's output for b prompts, before masks are upscaled. Output 0 is single-mask, 1 to 3 are multimask.

    Attributes:
        predicted_iou: the model's own estimate for each output.
        mask_tokens: the token of each output, c channels.
        image: the n image tokens after attention to the prompt.
    """

    predicted_iou: Float[Tensor, "b outputs"]
    mask_tokens: Float[Tensor, "b outputs c"]
    image: Float[Tensor, "b n c"]


@dataclass(frozen=True)
class _Projected:
    """Image tokens projected by the first layer, in h heads of d channels: the same for all point prompts."""

    keys: Float[Tensor, "h d n"]
    values: Float[Tensor, "h n d"]
    queries: Float[Tensor, "h d n"]


class MaskDecoding:
    """Decodes prompts on one encoded picture."""

    def __init__(
        self,
        sam: "Sam",
        embedding: Float[Tensor, "1 c h w"],
        *,
        input_size: tuple[int, int],
        with_padding: bool = False,
    ) -> None:
        """Compute what is the same for all prompts.

        Args:
            sam: the model, in evaluation mode.
            embedding: the picture, encoded by `sam.image_encoder`.
            input_size: (height, width) of the picture in the encoder's input. The rest is padding.
            with_padding: whether prompts attend to each token of the padding.
        """
        self._prompt_encoder, self._decoder = sam.prompt_encoder, sam.mask_decoder
        whole = self._prompt_encoder.image_embedding_size
        token_px = sam.image_encoder.img_size // whole[0]
        # One token more than the picture has: interpolation of its last row of pixels needs it.
        self._drawn = tuple(min(n, px // token_px + 1) for n, px in zip(whole, input_size, strict=True))
        self._upscaling = Upscaling(self._decoder, self._drawn)
        self._tokens = ImageTokens(whole, self._drawn, embedding.device, all_tokens=with_padding)
        self._log_counts = self._tokens.log_counts
        self._embedding = self._tokens.of(embedding)
        self._position = self._tokens.of(self._prompt_encoder.get_dense_pe()).contiguous()
        self._blank = self._embedding + self._prompt_encoder.no_mask_embed.weight
        self._projected = self._project()

    @property
    def logits_size(self) -> tuple[int, int]:
        """(height, width) of the masks' logits."""
        return self._upscaling.size

    def points(self, points_xy: Float[Tensor, "b 2"]) -> DecoderOutput:
        """Decode single foreground points, in pixels of the encoder's input."""
        labels = torch.ones((len(points_xy), 1), dtype=torch.int, device=points_xy.device)
        prompt, _ = self._prompt_encoder(points=(points_xy[:, None], labels), boxes=None, masks=None)
        return self._decode(prompt, self._blank, self._projected)

    def prompted(
        self,
        *,
        points: tuple[Float[Tensor, "b p 2"], Int[Tensor, "b p"]] | None = None,
        boxes_xyxy: Float[Tensor, "b 4"] | None = None,
        logits: Float[Tensor, "b 1 y x"] | None = None,
    ) -> DecoderOutput:
        """Decode prompts of any kind, several for one mask, in pixels of the encoder's input.

        Args:
            points: (x, y), and the labels: 1 on the object, 0 beside it.
            boxes_xyxy: around the object.
            logits: an approximate mask, at a quarter of the input's scale.
        """
        if logits is None:
            prompt, _ = self._prompt_encoder(points=points, boxes=boxes_xyxy, masks=None)
            return self._decode(prompt, self._blank, self._projected)
        height, width = self.logits_size
        prompt, dense = self._prompt_encoder(points=points, boxes=boxes_xyxy, masks=logits[..., :height, :width])
        outside = self._prompt_encoder.mask_downscaling(logits[:1, :, -LOGITS_PER_TOKEN:, -LOGITS_PER_TOKEN:])
        return self._decode(prompt, self._embedding + self._tokens.of_picture(dense, outside.flatten()), None)

    def draw(self, output: DecoderOutput, prompts: Int[Tensor, " k"]) -> Float[Tensor, "k outputs y x"]:
        """The masks of these rows of `output`, as logits at a quarter of the encoder's input scale, without padding."""
        return self._upscaling.whole(self._drawn_tokens(output, prompts), self._kernels(output.mask_tokens[prompts]))

    def draw_borders(
        self, output: DecoderOutput, prompts: Int[Tensor, " k"], needed: Bool[Tensor, "k outputs"]
    ) -> Float[Tensor, "k outputs y x"]:
        """`draw`, with all details near the borders of the needed outputs alone: see `Upscaling.borders`."""
        image, kernels = self._drawn_tokens(output, prompts), self._kernels(output.mask_tokens[prompts])
        return self._upscaling.borders(image, kernels, needed)

    def _drawn_tokens(self, output: DecoderOutput, prompts: Int[Tensor, " k"]) -> Float[Tensor, "k n c"]:
        image = output.image if len(prompts) == len(output.image) == 1 else output.image[prompts]
        return self._tokens.picture(image)

    @in_one_thread
    def _project(self) -> _Projected:
        first = self._decoder.transformer.layers[0]
        to_image, to_token = first.cross_attn_token_to_image, first.cross_attn_image_to_token
        at = self._blank + self._position
        return _Projected(
            keys=image_attention.by_head(to_image.k_proj(at), to_image)[0].transpose(1, 2).contiguous(),
            values=image_attention.by_head(to_image.v_proj(self._blank), to_image)[0].contiguous(),
            queries=image_attention.by_head(to_token.q_proj(at), to_token)[0].transpose(1, 2).contiguous(),
        )

    def _decode(self, prompt: Tensor, image: Tensor, projected: _Projected | None) -> DecoderOutput:
        transformer = self._decoder.transformer
        own = torch.cat([self._decoder.iou_token.weight, self._decoder.mask_tokens.weight])
        start = torch.cat([own.expand(len(prompt), -1, -1), prompt], dim=1)
        tokens = start
        for number, layer in enumerate(transformer.layers):
            tokens, image = self._layer(layer, tokens, start, image, projected if number == 0 else None)
        last = transformer.final_attn_token_to_image
        at = image + self._position
        tokens = tokens + image_attention.token_to_image(last, tokens + start, at, image, self._log_counts)
        tokens = transformer.norm_final_attn(tokens)
        return DecoderOutput(
            predicted_iou=self._decoder.iou_prediction_head(tokens[:, 0]),
            mask_tokens=tokens[:, 1 : len(own)],
            image=image,
        )

    def _layer(
        self, layer: "TwoWayAttentionBlock", tokens: Tensor, start: Tensor, image: Tensor, projected: _Projected | None
    ) -> tuple[Tensor, Tensor]:
        to_image, to_token = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
        tokens = _self_attention(layer, tokens, start)
        if projected is None:
            at = image + self._position
            attended = image_attention.token_to_image(to_image, tokens + start, at, image, self._log_counts)
        else:
            keys, values = projected.keys, projected.values
            attended = image_attention.token_to_projected_image(
                to_image, tokens + start, keys, values, self._log_counts
            )
        tokens = layer.norm2(tokens + attended)
        tokens = layer.norm3(tokens + layer.mlp(tokens))
        if projected is None:
            weights = image_attention.image_to_token_weights(to_token, tokens + start, at)
        else:
            weights = image_attention.projected_image_to_token_weights(to_token, tokens + start, projected.queries)
        return tokens, layer.norm4(image_attention.image_to_token(to_token, image, weights, tokens))

    def _kernels(self, mask_tokens: Float[Tensor, "k outputs c"]) -> Float[Tensor, "k outputs d"]:
        heads = self._decoder.output_hypernetworks_mlps
        return torch.stack([head(mask_tokens[:, number]) for number, head in enumerate(heads)], dim=1)


def _self_attention(layer: "TwoWayAttentionBlock", tokens: Tensor, start: Tensor) -> Tensor:
    """The prompt's tokens attend to each other. In the first layer they are their own positional encodings."""
    if layer.skip_first_layer_pe:
        return layer.norm1(layer.self_attn(q=tokens, k=tokens, v=tokens))
    at = tokens + start
    return layer.norm1(tokens + layer.self_attn(q=at, k=at, v=tokens))

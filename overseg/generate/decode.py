"""SAM's mask decoder for many prompts on one picture: segment_anything's weights and masks, with less work.

1. The image tokens of the first layer are the same for all point prompts. Their projections are computed once.
2. The predicted IoU comes from the prompt's tokens alone. Masks are upscaled only for prompts whose masks are needed,
   only in the picture, not in its padding, and if they need not be exact, in detail only near their borders.
3. `image_attention` computes the cross-attention with fewer multiplications.
4. Prompts attend to the image tokens of the picture, 37 of 64 rows at 16:9, and to a few that stand for the padding;
   see `image_tokens`. On a CPU, a prompt with a rough mask attends to the tokens near it one by one, and to blocks of
   the others; see `token_window`. `exact` computes all of them, as segment_anything does.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from overseg.generate.image_tokens import Attended, ImageTokens
from overseg.generate.prompt_attention import Answer, Projected, PromptTokens, attend, image_after
from overseg.generate.sparse_tokens import positions, sparse_tokens
from overseg.generate.token_window import TokenWindows, Window
from overseg.generate.upscaling import LOGITS_PER_TOKEN, Upscaling, near_border
from overseg.side_by_side import in_one_thread

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

FIRST_SAM_OUTPUT = 1  # outputs 1 to 3 are subpart, part and whole; output 0 is for unambiguous prompts


@dataclass(frozen=True)
class _Windowed:
    """How one prompt attended to a window.

    Attributes:
        windows: of the picture.
        window: the prompt's.
        outside: what the rough mask adds to each image token outside of the window.
        steps: the prompt's tokens to which the image tokens attend in each layer.
    """

    windows: TokenWindows
    window: Window
    outside: Float[Tensor, " c"]
    steps: list[PromptTokens]


@dataclass(frozen=True)
class DecoderOutput:
    """The decoder's output for b prompts, before masks are upscaled. Output 0 is single-mask, 1 to 3 are multimask.

    Attributes:
        predicted_iou: the model's own estimate for each output.
        mask_tokens: the token of each output, c channels.
        image: the n image tokens after attention to the prompt.
        windowed: what else is needed to draw the prompt's masks, if it attended to a window.
    """

    predicted_iou: Float[Tensor, "b outputs"]
    mask_tokens: Float[Tensor, "b outputs c"]
    image: Float[Tensor, "b n c"]
    windowed: _Windowed | None = None


class MaskDecoding:
    """Decodes prompts on one encoded picture."""

    def __init__(
        self,
        sam: "Sam",
        embedding: Float[Tensor, "1 c h w"],
        *,
        input_size: tuple[int, int],
        exact: bool = False,
    ) -> None:
        """Compute what is the same for all prompts.

        Args:
            sam: the model, in evaluation mode.
            embedding: the picture, encoded by `sam.image_encoder`.
            input_size: (height, width) of the picture in the encoder's input. The rest is padding.
            exact: whether prompts attend to each token of the picture and of the padding.
        """
        self._prompt_encoder, self._decoder = sam.prompt_encoder, sam.mask_decoder
        whole = self._prompt_encoder.image_embedding_size
        token_px = sam.image_encoder.img_size // whole[0]
        # One token more than the picture has: interpolation of its last row of pixels needs it.
        self._drawn = tuple(min(n, px // token_px + 1) for n, px in zip(whole, input_size, strict=True))
        self._upscaling = Upscaling(self._decoder, self._drawn)
        self._tokens = ImageTokens(whole, self._drawn, embedding.device, all_tokens=exact)
        self._all = Attended(
            image=self._tokens.of(embedding),
            position=self._tokens.of(positions(self._prompt_encoder)).contiguous(),
            log_counts=self._tokens.log_counts,
        )
        in_windows = embedding.device.type == "cpu" and not exact  # a GPU decodes many prompts of one shape at once
        self._windows = TokenWindows(self._drawn, token_px, self._all) if in_windows else None

    @property
    def logits_size(self) -> tuple[int, int]:
        """(height, width) of the masks' logits."""
        return self._upscaling.size

    def points(self, points_xy: Float[Tensor, "b 2"]) -> DecoderOutput:
        """Decode single foreground points, in pixels of the encoder's input."""
        labels = torch.ones((len(points_xy), 1), dtype=torch.int, device=points_xy.device)
        return self._without_mask(sparse_tokens(self._prompt_encoder, (points_xy[:, None], labels), None))

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
        prompt = sparse_tokens(self._prompt_encoder, points, boxes_xyxy)
        if logits is None:
            return self._without_mask(prompt)
        outside = self._prompt_encoder.mask_downscaling(logits[:1, :, -LOGITS_PER_TOKEN:, -LOGITS_PER_TOKEN:]).flatten()
        if self._windows is not None and boxes_xyxy is not None and len(boxes_xyxy) == 1:
            window = self._windows.around(boxes_xyxy[0])
            if window is not None:
                return self._in_window(self._windows, window, prompt, logits, outside)
        height, width = self.logits_size
        dense = self._prompt_encoder.mask_downscaling(logits[..., :height, :width])
        image = self._all.image + self._tokens.of_picture(dense, outside)
        return self._output(attend(self._decoder, prompt, replace(self._all, image=image)))

    def _in_window(
        self, windows: TokenWindows, window: Window, prompt: Tensor, logits: Tensor, outside: Tensor
    ) -> DecoderOutput:
        """Decode one prompt with a rough mask, which attends to the tokens of a window and to blocks of the others."""
        rows, columns = window.logits
        inside = self._prompt_encoder.mask_downscaling(logits[..., rows, columns])
        answer = attend(self._decoder, prompt, windows.attended(window, inside, outside))
        return replace(self._output(answer), windowed=_Windowed(windows, window, outside, answer.steps))

    def draw(self, output: DecoderOutput, prompts: Int[Tensor, " k"]) -> Float[Tensor, "k outputs y x"]:
        """The masks of these rows of `output`, as logits at a quarter of the encoder's input scale, without padding."""
        if output.windowed is not None:
            return self.draw_borders(output, prompts, torch.ones_like(output.predicted_iou[prompts], dtype=torch.bool))
        return self._upscaling.whole(self._drawn_tokens(output, prompts), self._kernels(output.mask_tokens[prompts]))

    def draw_borders(
        self, output: DecoderOutput, prompts: Int[Tensor, " k"], needed: Bool[Tensor, "k outputs"]
    ) -> Float[Tensor, "k outputs y x"]:
        """`draw`, with all details near the borders of the needed outputs alone; see `Upscaling`."""
        kernels = self._kernels(output.mask_tokens[prompts])
        if output.windowed is not None:
            return self._borders_in_window(output.image, output.windowed, kernels, needed)
        image = self._drawn_tokens(output, prompts)
        coarse = self._upscaling.coarse(image, kernels).unflatten(2, self._drawn)
        at = near_border(coarse, needed)
        return self._upscaling.detailed(coarse, kernels, at, image[at[:, 0], self._number(at)])

    def _borders_in_window(
        self, image: Tensor, windowed: _Windowed, kernels: Tensor, needed: Tensor
    ) -> Float[Tensor, "k outputs y x"]:
        """The borders of a prompt that attended to a window. Image tokens outside are computed where they are drawn."""
        windows, window = windowed.windows, windowed.window
        coarse = windows.on_grid(window, self._upscaling.coarse(image[: len(kernels), : window.n_drawn], kernels))
        at = near_border(coarse, needed)
        numbers = self._number(at)
        place = windows.place(window)[numbers]
        tokens, is_outside = image[0, place], place < 0
        outside = self._all.take(numbers[is_outside])
        outside = replace(outside, image=outside.image + windowed.outside)
        tokens[is_outside] = image_after(self._decoder, outside, windowed.steps)[0]
        return self._upscaling.detailed(coarse, kernels, at, tokens)

    def _number(self, at: Int[Tensor, "m 3"]) -> Int[Tensor, " m"]:
        """The numbers of the picture's tokens in these rows and columns."""
        return at[:, 1] * self._drawn[1] + at[:, 2]

    def _drawn_tokens(self, output: DecoderOutput, prompts: Int[Tensor, " k"]) -> Float[Tensor, "k n c"]:
        image = output.image if len(prompts) == len(output.image) == 1 else output.image[prompts]
        return self._tokens.picture(image)

    def _without_mask(self, prompt: Float[Tensor, "b t c"]) -> DecoderOutput:
        return self._output(attend(self._decoder, prompt, self._blank, self._projected))

    @cached_property
    def _blank(self) -> Attended:
        """The image tokens for prompts without a rough mask."""
        return replace(self._all, image=self._all.image + self._prompt_encoder.no_mask_embed.weight)

    @cached_property
    @in_one_thread
    def _projected(self) -> Projected:
        return Projected.of(self._decoder, self._blank)

    def _output(self, answer: Answer) -> DecoderOutput:
        return DecoderOutput(
            predicted_iou=self._decoder.iou_prediction_head(answer.tokens[:, 0]),
            mask_tokens=answer.tokens[:, 1 : 1 + len(self._decoder.mask_tokens.weight)],
            image=answer.image,
        )

    def _kernels(self, mask_tokens: Float[Tensor, "k outputs c"]) -> Float[Tensor, "k outputs d"]:
        heads = self._decoder.output_hypernetworks_mlps
        return torch.stack([head(mask_tokens[:, number]) for number, head in enumerate(heads)], dim=1)

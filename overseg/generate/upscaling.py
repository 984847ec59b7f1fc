"""The upscaling of SAM's mask decoder: from image tokens to the logits of masks, each token to 4 x 4 of them.

A mask is smooth on the scale of a token almost everywhere. So one logit for each token is enough, `Upscaling.coarse`,
with all sixteen only where the border of a mask may be: `near_border`, `Upscaling.detailed`.

Shapes: k prompts of n image tokens with c channels; outputs are the masks of a prompt.
"""

from typing import TYPE_CHECKING

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from segment_anything.modeling import MaskDecoder

LOGITS_PER_TOKEN = 4  # along a side
_INNER = 1, 0  # of the two halvings: the logit to the right of and below the token's centre
_SURE_LOGIT = 2.0  # a token has no border if its logit and those of its eight neighbours are beyond this, on one side


class Upscaling:
    """Draws masks as logits, from the tokens of a picture and the kernels of a prompt's outputs."""

    def __init__(self, decoder: "MaskDecoder", grid: tuple[int, int]) -> None:
        """
        Args:
            decoder: the model's, in evaluation mode.
            grid: (rows, columns) of image tokens.
        """
        first, self._norm, self._activation, second, self._activation_again = decoder.output_upscaling
        self._grid = grid
        self._first, self._second = _linear(first), _linear(second)
        self._first_inner, self._second_inner = (
            _inner(layer, at) for layer, at in zip((first, second), _INNER, strict=True)
        )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the logits."""
        return LOGITS_PER_TOKEN * self._grid[0], LOGITS_PER_TOKEN * self._grid[1]

    def whole(
        self, image: Float[Tensor, "k n c"], kernels: Float[Tensor, "k outputs d"]
    ) -> Float[Tensor, "k outputs y x"]:
        """All logits."""
        drawn = kernels @ self._pixels(image).flatten(1, 2).transpose(1, 2)
        by_split = drawn.unflatten(2, (*self._grid, 2, 2, 2, 2))  # rows, columns, and twice (down, right)
        return by_split.permute(0, 1, 2, 4, 6, 3, 5, 7).reshape(*drawn.shape[:2], *self.size)

    def coarse(
        self, image: Float[Tensor, "k n c"], kernels: Float[Tensor, "k outputs d"]
    ) -> Float[Tensor, "k outputs n"]:
        """One logit for each token."""
        return kernels @ self._inner_pixels(image).transpose(1, 2)

    def detailed(
        self,
        coarse: Float[Tensor, "k outputs a b"],
        kernels: Float[Tensor, "k outputs d"],
        at: Int[Tensor, "m 3"],
        tokens: Float[Tensor, "m c"],
    ) -> Float[Tensor, "k outputs y x"]:
        """All logits of some tokens, and for the others one logit sixteen times.

        Args:
            coarse: one logit for each token.
            kernels: of the prompts' outputs.
            at: prompt, row and column of the tokens whose logits are drawn.
            tokens: these.
        """
        prompt, row, column = at.unbind(dim=1)
        fine = (kernels[prompt] @ self._pixels(tokens).transpose(1, 2)).unflatten(2, (2, 2, 2, 2))
        logits = coarse[:, :, :, None, :, None].repeat(1, 1, 1, LOGITS_PER_TOKEN, 1, LOGITS_PER_TOKEN)
        by_token = logits.permute(0, 2, 4, 1, 3, 5)
        by_token[prompt, row, column] = fine.permute(0, 1, 2, 4, 3, 5).flatten(4).flatten(2, 3)
        return logits.flatten(4).flatten(2, 3)

    def _pixels(self, tokens: Float[Tensor, "... c"]) -> Float[Tensor, "... 16 d"]:
        """The features of each token's pixels: which half of it (down, right), and which half of that."""
        halves = self._normalised(F.linear(tokens, *self._first).unflatten(-1, (4, -1)))
        quarters = F.linear(self._activation(halves), *self._second).unflatten(-1, (4, -1))
        return self._activation_again(quarters).flatten(-3, -2)

    def _inner_pixels(self, tokens: Float[Tensor, "... c"]) -> Float[Tensor, "... d"]:
        """The features of one pixel of each token."""
        half = self._activation(self._normalised(F.linear(tokens, *self._first_inner)))
        return self._activation_again(F.linear(half, *self._second_inner))

    def _normalised(self, pixels: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        norm = self._norm  # over channels, which are the last axis here
        return F.layer_norm(pixels, norm.weight.shape, norm.weight, norm.bias, norm.eps)


def near_border(
    coarse: Float[Tensor, "k outputs a b"], needed: Bool[Tensor, "k outputs"], reach: int = 1
) -> Int[Tensor, "m 3"]:
    """Prompt, row and column of the tokens near which the border of a needed output may be, from one logit for each.

    Args:
        coarse: these logits.
        needed: the outputs whose borders count.
        reach: how many tokens away.
    """
    side = 2 * reach + 1
    highest, lowest = (sign * F.max_pool2d(sign * coarse, side, stride=1, padding=reach) for sign in (1, -1))
    near = (highest > -_SURE_LOGIT) & (lowest < _SURE_LOGIT)
    return (near & needed[:, :, None, None]).any(dim=1).nonzero()


def _linear(expand: nn.ConvTranspose2d) -> tuple[Tensor, Tensor | None]:
    """A 2x2 transposed convolution of stride 2, channels last: weight and bias for the four halves of each pixel."""
    bias = None if expand.bias is None else expand.bias.repeat(4)
    return expand.weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous(), bias


def _inner(expand: nn.ConvTranspose2d, at: int) -> tuple[Tensor, Tensor | None]:
    """Weight and bias for one half alone, in row and column `at`."""
    return expand.weight[:, :, at, at].T.contiguous(), expand.bias

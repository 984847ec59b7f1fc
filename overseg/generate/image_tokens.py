"""The image tokens that SAM's prompts attend to: those of the picture, and a few that stand for its padding.

In segment_anything the padding beside a picture is 44 % of the tokens at 16:9. Prompts attend to it: without it, logits
are flatter by an eighth, and fewer masks are stable. But one token of padding is like the next. A sixteenth of them is
enough if each counts for those that it stands for: in a softmax, k equal tokens are one whose score is higher by log k.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

_BLOCK = 4  # tokens of padding along a side that one stands for


@dataclass(frozen=True)
class Attended:
    """The n image tokens that prompts attend to.

    Attributes:
        image: the tokens; for b prompts, or the same for all.
        position: their positional encodings.
        log_counts: the logarithm of how many tokens each stands for.
    """

    image: Float[Tensor, "#b n c"]
    position: Float[Tensor, "1 n c"]
    log_counts: Float[Tensor, " n"]

    def take(self, rows: Int[Tensor, " k"]) -> "Attended":
        """Some of them, the same for all prompts."""
        return Attended(self.image[:, rows], self.position[:, rows], self.log_counts[rows])


class ImageTokens:
    """Chooses the n tokens of a grid, those of the picture first, row by row."""

    def __init__(
        self, grid: tuple[int, int], picture: tuple[int, int], device: torch.device, *, all_tokens: bool
    ) -> None:
        """
        Args:
            grid: (rows, columns) of tokens, with padding.
            picture: (rows, columns) that hold the picture. The rest is at the right and below.
            device: of the model.
            all_tokens: whether each token of the padding stands for itself alone.
        """
        self._grid, self._picture = grid, picture
        number = torch.arange(grid[0] * grid[1], device=device).view(grid)
        is_padding = torch.ones(grid, dtype=torch.bool, device=device)
        is_padding[: picture[0], : picture[1]] = False
        is_chosen = is_padding.clone()
        if not all_tokens:
            rows, columns = ((torch.arange(n, device=device) % _BLOCK) == _BLOCK // 2 for n in grid)
            is_chosen &= rows[:, None] & columns
        self._cells = torch.cat([number[~is_padding], number[is_chosen]])
        n_chosen = int(is_chosen.sum())
        self._each_counts = float(is_padding.sum()) / max(n_chosen, 1)
        self._n_picture = picture[0] * picture[1]

    @property
    def log_counts(self) -> Float[Tensor, " n"]:
        """The logarithm of how many tokens each stands for."""
        return torch.where(
            torch.arange(len(self._cells), device=self._cells.device) < self._n_picture, 1.0, self._each_counts
        ).log()

    def of(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n c"]:
        """The tokens of a whole grid."""
        return x.flatten(2)[..., self._cells].transpose(1, 2)

    def of_picture(self, x: Float[Tensor, "b c h w"], padding: Float[Tensor, " c"]) -> Float[Tensor, "b n c"]:
        """The tokens of a grid of the picture alone, and this one for all of the padding."""
        own = x.flatten(2).transpose(1, 2)
        return torch.cat([own, padding.expand(len(own), len(self._cells) - self._n_picture, -1)], dim=1)

    def picture(self, tokens: Float[Tensor, "k n c"]) -> Float[Tensor, "k p c"]:
        """The picture's tokens of those chosen."""
        return tokens[:, : self._n_picture]

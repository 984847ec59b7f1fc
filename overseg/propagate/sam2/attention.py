"""SAM 2's memory attention for many masks of one frame, doing once what is the same for all of them."""

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from sam2.modeling.memory_attention import MemoryAttention


class OneFrameMemoryAttention(nn.Module):
    """Stands in for `MemoryAttention` where all rows of a batch have the image features of one and the same frame.

    The masks' own memories come in with the first layer's cross-attention; its self-attention before that sees the
    frame alone and is computed for one row. The result is that of the original.
    """

    def __init__(self, original: "MemoryAttention") -> None:
        super().__init__()
        self.original = original

    def forward(
        self,
        curr: list[torch.Tensor],
        curr_pos: list[torch.Tensor],
        memory: torch.Tensor,
        memory_pos: torch.Tensor,
        num_obj_ptr_tokens: int = 0,
    ) -> torch.Tensor:
        """Features of the frame in the light of each mask's memories, [tokens, n, channels].

        Args:
            curr, curr_pos: the frame's features and their positions, one level, [tokens, n, channels], equal in all n.
            memory, memory_pos: memories and their positions, [memory tokens, n, memory channels].
            num_obj_ptr_tokens: how many memory tokens, the last ones, are object pointers.
        """
        (features,), (position,) = curr, curr_pos
        shared, shared_position = features[:, :1].transpose(0, 1), position[:, :1].transpose(0, 1)
        if self.original.pos_enc_at_input:
            shared = shared + 0.1 * shared_position
        memory, memory_pos = memory.transpose(0, 1), memory_pos.transpose(0, 1)
        first, *others = self.original.layers
        shared = first._forward_sa(shared, shared_position)
        output = shared.expand(len(memory), -1, -1)
        output = first._forward_ca(output, memory, shared_position, memory_pos, num_obj_ptr_tokens)
        output = output + first.linear2(first.activation(first.linear1(first.norm3(output))))
        for layer in others:
            output = layer(output, memory, memory_pos, shared_position, num_obj_ptr_tokens)
        return self.original.norm(output).transpose(0, 1)

"""SAM 2's memory attention for many objects on one frame: what all objects share is computed once."""

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from sam2.modeling.memory_attention import MemoryAttention


class OneFrameMemoryAttention(nn.Module):
    """Replaces `MemoryAttention` where all rows of a batch have the image features of the same frame.

    The first layer's self-attention uses the frame's features only, and is computed for one row. The objects' own
    memories enter with the cross-attention after it. The result is that of the original.
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
        """The frame's features, conditioned on the memories of each of n objects, [tokens, n, channels].

        Args:
            curr, curr_pos: the frame's features and positions, one level of [tokens, n, channels], the same in all n.
            memory, memory_pos: memories and their positions, [memory tokens, n, memory channels].
            num_obj_ptr_tokens: number of object pointers; they are the last memory tokens.
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

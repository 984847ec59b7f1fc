"""Cross-attention between the few tokens of a prompt and the thousands of a picture, with segment_anything's weights.

Most work of SAM's mask decoder is the projection of image tokens. Here the projections are moved to the prompt's side:
q·(W x) = (Wᵀ q)·x and W (A x) = (W A) x. An image token is then multiplied with heads x tokens = 56 vectors instead of
a 256x128 matrix. That is less than half of the multiplications, and the same result up to rounding.

Shapes: b prompts of t tokens, n image tokens, c channels; h heads of d channels each; ht is heads times tokens.
"""

from math import sqrt
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from segment_anything.modeling.transformer import Attention


def token_to_image(
    attention: "Attention",
    queries: Float[Tensor, "b t c"],
    image_at: Float[Tensor, "#b n c"],
    image: Float[Tensor, "#b n c"],
    log_counts: Float[Tensor, " n"],
) -> Float[Tensor, "b t c"]:
    """Prompt tokens attend to image tokens.

    Args:
        attention: its weights.
        queries: the prompt's tokens.
        image_at: `image` plus its positional encoding.
        image: the image tokens.
        log_counts: the logarithm of how many tokens each image token stands for.
    """
    own = by_head(attention.q_proj(queries), attention) / _temperature(attention)
    into_image = (own @ _by_head_weight(attention.k_proj.weight, attention)).flatten(1, 2)
    weights = _times_image(into_image, image_at.transpose(1, 2)).add_(log_counts).softmax(dim=-1)
    gathered = _times_image(weights, image).unflatten(1, (attention.num_heads, -1))
    attended = gathered @ _by_head_weight(attention.v_proj.weight, attention).transpose(1, 2)
    return attention.out_proj(_join_heads(attended) + attention.v_proj.bias)


def token_to_projected_image(
    attention: "Attention",
    queries: Float[Tensor, "b t c"],
    keys: Float[Tensor, "h d n"],
    values: Float[Tensor, "h n d"],
    log_counts: Float[Tensor, " n"],
) -> Float[Tensor, "b t c"]:
    """`token_to_image` with image tokens that are projected already, for all prompts on one picture."""
    own = by_head(attention.q_proj(queries), attention) / _temperature(attention)
    b, h, t, d = own.shape
    weights = (own.transpose(0, 1).reshape(h, b * t, d) @ keys).add_(log_counts).softmax(dim=-1)
    attended = (weights @ values).view(h, b, t, d).transpose(0, 1)
    return attention.out_proj(_join_heads(attended))


def image_to_token_weights(
    attention: "Attention", tokens_at: Float[Tensor, "b t c"], image_at: Float[Tensor, "#b n c"]
) -> Float[Tensor, "b ht n"]:
    """The attention weights of image tokens over prompt tokens, by head."""
    keys = by_head(attention.k_proj(tokens_at), attention) / _temperature(attention)
    into_image = (keys @ _by_head_weight(attention.q_proj.weight, attention)).flatten(1, 2)
    offset = (keys @ attention.q_proj.bias.view(1, attention.num_heads, -1, 1)).flatten(1, 2)
    scores = _times_image(into_image, image_at.transpose(1, 2)).add_(offset)
    return scores.unflatten(1, (attention.num_heads, -1)).softmax(dim=2).flatten(1, 2)


def projected_image_to_token_weights(
    attention: "Attention", tokens_at: Float[Tensor, "b t c"], queries: Float[Tensor, "h d n"]
) -> Float[Tensor, "b ht n"]:
    """`image_to_token_weights` with image tokens that are projected already, for all prompts on one picture."""
    keys = by_head(attention.k_proj(tokens_at), attention) / _temperature(attention)
    return (keys @ queries).softmax(dim=2).flatten(1, 2)


def image_to_token(
    attention: "Attention",
    image: Float[Tensor, "#b n c"],
    weights: Float[Tensor, "b ht n"],
    tokens: Float[Tensor, "b t c"],
) -> Float[Tensor, "b n c"]:
    """Image tokens plus their attention to prompt tokens with these weights."""
    values = by_head(attention.v_proj(tokens), attention)
    projected = values @ _by_head_weight(attention.out_proj.weight.t(), attention)
    projected = (projected + attention.out_proj.bias / attention.num_heads).flatten(1, 2)  # a head's weights sum to 1
    return image.expand(len(tokens), -1, -1).baddbmm(weights.transpose(1, 2), projected)


def by_head(x: Float[Tensor, "b n hd"], attention: "Attention") -> Float[Tensor, "b h n d"]:
    """Split projected tokens into heads."""
    return x.unflatten(2, (attention.num_heads, -1)).transpose(1, 2)


def _join_heads(x: Float[Tensor, "b h t d"]) -> Float[Tensor, "b t hd"]:
    return x.transpose(1, 2).flatten(2)


def _by_head_weight(weight: Float[Tensor, "hd c"], attention: "Attention") -> Float[Tensor, "h d c"]:
    return weight.unflatten(0, (attention.num_heads, -1))


def _temperature(attention: "Attention") -> float:
    return sqrt(attention.internal_dim // attention.num_heads)


def _times_image(x: Float[Tensor, "b k i"], image: Float[Tensor, "#b i j"]) -> Float[Tensor, "b k j"]:
    """Matrix product with each prompt's image tokens; one large product where they are the same for all prompts."""
    if len(image) == 1:
        return (x.flatten(0, 1) @ image[0]).unflatten(0, (len(x), -1))
    return x @ image

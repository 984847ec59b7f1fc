"""The former place of a name of `prompt_batches`, for `prompts.sam1_masks`."""

from overseg.generate.prompt_batches import DEFAULT_POINTS_PER_BATCH

__all__ = ["DEFAULT_POINTS_PER_BATCH"]

"""The former name of `prompt_batches`, for `prompts.sam1_masks`."""

from overseg.generate.prompt_batches import PromptBatches as Batching

__all__ = ["Batching"]

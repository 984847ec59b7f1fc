"""The way through the stages: `run` knows their order, and each other file one part of the way."""

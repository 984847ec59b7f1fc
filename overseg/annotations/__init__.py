"""Readers of the files in which other tools keep masks and annotations, one for each format."""

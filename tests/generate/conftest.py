"""The same few photographs are encoded once."""

from remembered_encoders import remember_passes

from overseg.generate.tiny_vit import TinyVit

remember_passes(TinyVit)

"""Every region of a video at every granularity, as overlapping masks followed through time."""

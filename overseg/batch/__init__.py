"""Many videos: listed, shared out among workers, put into one folder. Knows no stage: `overseg.api` does the work."""

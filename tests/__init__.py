"""A package, so that no other package of this name is taken for it where a test starts a process."""

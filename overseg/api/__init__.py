"""What a user calls from Python: a file for each thing to do, the same as its command."""

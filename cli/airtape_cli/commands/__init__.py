"""One file for each command of `tracker`."""

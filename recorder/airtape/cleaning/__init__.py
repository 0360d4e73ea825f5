"""Removing the logs of runs that targets hold, and files that nobody names."""

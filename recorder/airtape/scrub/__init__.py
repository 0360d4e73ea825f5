"""Taking a text out of what was recorded that should not have been, and nothing else."""

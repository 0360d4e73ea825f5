"""From logs to targets: the engine that brings each run up to date, and its report."""

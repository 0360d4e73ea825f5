"""Where runs are synced to: the protocol that every target speaks, and the targets that ship."""

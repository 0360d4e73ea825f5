"""The transaction log: one append-only file of checksummed msgpack frames per recording process."""

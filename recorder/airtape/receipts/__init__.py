"""Receipts: what a target holds, carried to where it cannot be asked."""

"""Bundles: run directories as one file, for a medium that carries files one way."""

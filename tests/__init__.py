"""The tests of the library and of the command."""

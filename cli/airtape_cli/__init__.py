"""The `tracker` command: sync, list and read the runs that airtape recorded."""

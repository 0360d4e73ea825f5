"""What this machine and its file systems can do, as far as recording and syncing need it."""

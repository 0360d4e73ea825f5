"""Lines and units that let a machine sync by itself: cron, systemd, Slurm."""

"""A script that Slurm runs when a job ends."""

from __future__ import annotations

import shlex

from airtape.schedules.job import SyncJob


def slurm_epilog(job: SyncJob) -> str:
    """Return the script.

    It ends with 0 whatever happens: a node whose epilogue fails is taken out of service. Its
    deadline is the interval of the job.

    Raises:
        UsageError: The command cannot stand on a line.
    """
    job.check()
    return f"""\
#!/bin/sh
# Brings the runs below to {job.target} when a job ends. As the user of the job, in its batch script
# before the training:
#   trap /path/of/this/file EXIT
# or for all jobs in slurm.conf: TaskEpilog=/path/of/this/file. What srun --task-epilog starts may
# take a few seconds only; what is cut off then, the next sync brings.
cd {shlex.quote(job.folder)} || exit 0
{job.shell} </dev/null
exit 0
"""

"""Run a batch job on a SLURM cluster: start workers with dask-jobqueue, color, and give them back.

pip install "semcolorize[dask]" dask-jobqueue
python examples/slurm_cluster.py job.yaml --jobs 8 --memory 8GB --directive=--gres=gpu:1

Start it where `sbatch` works, a login node for instance, and leave it running. Workers must see the job's folders
under the same paths. Ends with the exit code of ``semcolorize batch``; run it again after an interruption.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", type=Path)
    parser.add_argument("--jobs", type=int, default=2, help="SLURM jobs, a worker each")
    parser.add_argument("--cores", type=int, default=1, help="of each")
    parser.add_argument("--memory", default="8GB", help="of each")
    parser.add_argument("--walltime", default="04:00:00", help="of each; what is not done by then waits for a rerun")
    parser.add_argument("--queue", help="SLURM partition")
    parser.add_argument("--directive", action="append", default=[], help="another line for #SBATCH; may be repeated")
    parser.add_argument("--show", action="store_true", help="print the script that SLURM gets, and end")
    arguments, further = parser.parse_known_args()
    # One worker of one thread a job: the model itself uses the cores.
    with SLURMCluster(
        cores=1, processes=1, job_cpu=arguments.cores, memory=arguments.memory, walltime=arguments.walltime,
        queue=arguments.queue, job_extra_directives=arguments.directive,
    ) as cluster:  # fmt: skip
        if arguments.show:
            print(cluster.job_script())
            return
        cluster.scale(jobs=arguments.jobs)
        command = [sys.executable, "-m", "semcolorize", "batch", str(arguments.job)]
        code = subprocess.run([*command, "--scheduler", cluster.scheduler_address, *further], check=False).returncode
    sys.exit(code)


if __name__ == "__main__":
    main()

"""Runners that hand the jobs of a plan to engines for several machines."""

from rastervision.pipeline.lazy import lazy_exports

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.runners.dask_runner': ['DaskRunner'],
        'rastervision.runners.slurm_runner': ['SlurmRunner'],
    },
)

"""Runners: in this process, or on a pool of processes of this machine."""

from rastervision.pipeline.lazy import further_exports
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.runner.inprocess_runner import InProcessRunner
from rastervision.pipeline.runner.local_runner import LocalRunner
from rastervision.pipeline.runner.runner import Runner

__all__ = ['InProcessRunner', 'LocalRunner', 'Pipeline', 'Runner']

__getattr__, __dir__ = further_exports(
    globals(),
    {
        'rastervision.pipeline.file_system': ['download_if_needed', 'str_to_file'],
        'rastervision.pipeline.utils': ['terminate_at_exit'],
    },
)

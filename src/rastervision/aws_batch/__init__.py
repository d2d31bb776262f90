"""AWS Batch: a runner that submits the jobs of a plan to it."""

from rastervision.aws_batch.aws_batch_runner import AWSBatchRunner
from rastervision.aws_batch.settings import SETTINGS
from rastervision.pipeline.registry import Registry
from rastervision.pipeline.runner import Runner


def register_plugin(registry: Registry) -> None:
    """Declare the version of the plugin, its runner, and its settings."""
    registry.set_plugin_version('rastervision.aws_batch', 0)
    registry.add_runner('batch', AWSBatchRunner)
    registry.add_rv_config_schema(
        SETTINGS, ['gpu_job_queue', 'gpu_job_def', 'cpu_job_queue', 'cpu_job_def', 'attempts']
    )


__all__ = ['AWSBatchRunner', 'Runner', 'register_plugin']

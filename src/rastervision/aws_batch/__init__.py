"""AWS Batch: a runner that submits the jobs of a plan to it."""

from rastervision.aws_batch.settings import SETTINGS
from rastervision.pipeline.lazy import lazy_exports
from rastervision.pipeline.registry import Registry


def register_plugin(registry: Registry) -> None:
    """Declare the version of the plugin, and its settings; the registry knows the runner itself."""
    registry.set_plugin_version('rastervision.aws_batch', 0)
    registry.add_rv_config_schema(
        SETTINGS, ['gpu_job_queue', 'gpu_job_def', 'cpu_job_queue', 'cpu_job_def', 'attempts']
    )


__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.aws_batch.aws_batch_runner': ['AWSBatchRunner'],
        'rastervision.pipeline.runner.runner': ['Runner'],
    },
)

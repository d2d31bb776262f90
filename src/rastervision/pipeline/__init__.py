"""Configs, pipelines, runners, file systems and the command line.

This package knows nothing of imagery. Importing it loads no plugin.

Attributes:
    registry_: The registry that lookups go through.
    rv_config_: The settings of this process.
"""

from rastervision.pipeline import old_modules
from rastervision.pipeline.errors import RVError
from rastervision.pipeline.registry import Registry
from rastervision.pipeline.rv_config import RVConfig
from rastervision.pipeline.verbosity import Verbosity

STORE_SETTINGS = {
    'aws_s3': ['requester_pays', 'endpoint_url', 'region', 'anonymous'],
    'gcs': ['endpoint_url', 'anonymous', 'user_project'],
    'azure': ['account_name', 'endpoint_url', 'anonymous'],
}
"""Settings of the object stores that travel with a config; credentials and their names do not."""

old_modules.install()
rv_config_ = RVConfig()
registry_ = Registry(rv_config_)


def register_plugin(registry: Registry) -> None:
    """Declare the version of the configs of this package."""
    registry.set_plugin_version('rastervision.pipeline', 0)
    registry.add_rv_config_schema('plugins', ['files', 'modules'])
    for section, keys in STORE_SETTINGS.items():
        registry.add_rv_config_schema(section, keys)


__all__ = [
    'RVConfig',
    'RVError',
    'Registry',
    'Verbosity',
    'register_plugin',
    'registry_',
    'rv_config_',
]

"""Scenes, sources, labels, sampling, prediction and evaluation. Never imports torch."""

from rastervision.pipeline.registry import Registry


def register_plugin(registry: Registry) -> None:
    """Declare the version of the configs of this package, and their former names."""
    registry.set_plugin_version('rastervision.core', 14)
    registry.register_renamed_type_hints('geo_data_window', 'window_sampling')

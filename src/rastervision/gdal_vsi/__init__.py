"""Files by GDAL's names for them, and GDAL's settings for remote files."""

from rastervision.gdal_vsi.vsi_file_system import VsiFileSystem
from rastervision.pipeline.registry import Registry


def register_plugin(registry: Registry) -> None:
    """Declare the version of the plugin, and its file system."""
    registry.set_plugin_version('rastervision.gdal_vsi', 0)
    registry.add_file_system(VsiFileSystem)


__all__ = ['VsiFileSystem', 'register_plugin']

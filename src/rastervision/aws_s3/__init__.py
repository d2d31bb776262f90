"""Amazon S3 under the names of release 0.31; the file system itself is part of the pipeline."""

from rastervision.aws_s3.s3_file_system import S3FileSystem
from rastervision.pipeline.file_system import FileSystem, NotReadableError, NotWritableError
from rastervision.pipeline.lazy import starred_exports
from rastervision.pipeline.registry import Registry


def register_plugin(registry: Registry) -> None:
    """Declare the version of the plugin, and its file system."""
    registry.set_plugin_version('rastervision.aws_s3', 0)
    registry.add_file_system(S3FileSystem)


__all__ = [
    'FileSystem',
    'NotReadableError',
    'NotWritableError',
    'S3FileSystem',
    'register_plugin',
]

_FUNCTIONS = ['get_matching_s3_keys', 'get_matching_s3_objects', 'progressbar']
__getattr__, __dir__ = starred_exports(
    globals(), {'rastervision.aws_s3.s3_file_system': _FUNCTIONS}
)

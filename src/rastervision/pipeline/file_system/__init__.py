"""Files by URI: one interface for local paths, web servers and the stores that plugins add."""

from rastervision.pipeline.errors import NotReadableError, NotWritableError
from rastervision.pipeline.file_system.file_system import FileSystem
from rastervision.pipeline.file_system.http_file_system import HttpFileSystem
from rastervision.pipeline.file_system.local_file_system import LocalFileSystem
from rastervision.pipeline.file_system.utils import (
    atomic_path,
    download_if_needed,
    download_or_copy,
    extract,
    file_exists,
    file_to_json,
    file_to_str,
    get_local_path,
    get_tmp_dir,
    is_archive,
    is_local,
    json_to_file,
    list_paths,
    make_dir,
    start_sync,
    str_to_file,
    sync_from_dir,
    sync_to_dir,
    unzip,
    upload_or_copy,
    zipdir,
)
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'FileSystem',
    'HttpFileSystem',
    'LocalFileSystem',
    'NotReadableError',
    'NotWritableError',
    'atomic_path',
    'download_if_needed',
    'download_or_copy',
    'extract',
    'file_exists',
    'file_to_json',
    'file_to_str',
    'get_local_path',
    'get_tmp_dir',
    'is_archive',
    'is_local',
    'json_to_file',
    'list_paths',
    'make_dir',
    'start_sync',
    'str_to_file',
    'sync_from_dir',
    'sync_to_dir',
    'unzip',
    'upload_or_copy',
    'zipdir',
]

_HERE = 'rastervision.pipeline.file_system'
__getattr__, __dir__ = further_exports(
    globals(),
    {
        f'{_HERE}.http_file_system': ['get_file_obj'],
        f'{_HERE}.local_file_system': ['progressbar'],
    },
)

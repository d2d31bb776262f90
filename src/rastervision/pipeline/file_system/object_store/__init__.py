"""Files in object stores, through the library `obstore`, which is imported at the first request."""

from rastervision.pipeline.file_system.object_store.object_store_file_system import (
    ObjectStoreFileSystem,
)

__all__ = ['ObjectStoreFileSystem']

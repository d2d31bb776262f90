"""What is written for an image that is predicted with a bundle, and where."""

from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from rastervision.core.data import (
    ClassConfig,
    LabelStoreConfig,
    PolygonVectorOutputConfig,
    SemanticSegmentationLabelStoreConfig,
)
from rastervision.core.rv_pipeline import layout
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import is_local
from rastervision.pipeline.file_system.local_file_system import to_path

Scores: TypeAlias = Literal['none', 'uint8', 'float16', 'float32']

FILE_SUFFIXES = ('.json', '.geojson', '.tif', '.tiff')
"""What nobody calls a folder."""


def check_outputs(store: LabelStoreConfig, scores: Scores | None, polygons: bool) -> None:
    """Raise ConfigError when options are for outputs that the task does not have.

    Args:
        store: What predictions are written to.
        scores: How scores are written; None if nobody said.
        polygons: Whether polygons are written.
    """
    if isinstance(store, SemanticSegmentationLabelStoreConfig):
        return
    where = 'the model of this bundle writes one file for an image'
    if scores is not None:
        raise ConfigError(f'Leave scores (--scores) out: {where}, with all that it knows.')
    if not polygons:
        raise ConfigError(f'Leave polygons=False (--no-polygons) out: {where}, and no raster.')


def set_outputs(
    store: LabelStoreConfig, uri: str, classes: ClassConfig, scores: Scores | None, polygons: bool
) -> None:
    """Say what a store is to write, and where.

    Args:
        store: What predictions are written to; it is changed.
        uri: The folder or file.
        classes: The classes.
        scores: How the scores of all classes are written; None leaves it as it is.
        polygons: Write polygons: of all classes if the store writes those of none.
    """
    setattr(store, 'uri', uri)  # noqa: B010 - not a field of the base
    if not isinstance(store, SemanticSegmentationLabelStoreConfig):
        return
    if not polygons:
        store.vector_output = []
    elif not store.vector_output:
        store.vector_output = [PolygonVectorOutputConfig(class_id=i) for i in range(len(classes))]
    if scores is not None:
        store.smooth_output = scores != 'none'
        store.smooth_dtype = None if scores == 'none' else scores


def one_output(store: LabelStoreConfig, uri: str, image_uri: str) -> str:
    """Return where the predictions of one image go that a user wants at a URI.

    Stores of one file write it into a folder that is there, or whose name ends with '/'; a name
    without an ending gets that of the store.
    """
    in_folder = uri.endswith('/') or (is_local(uri) and to_path(uri).is_dir())
    if store.file_suffix and in_folder:
        name = PurePosixPath(image_uri.replace('\\', '/')).stem
        return layout.join_uri(uri, f'{name}{store.file_suffix}')
    has_ending = '.' in uri.replace('\\', '/').rpartition('/')[2]
    return uri if has_ending else f'{uri}{store.file_suffix}'


def many_outputs(store: LabelStoreConfig, folder: str, names: list[str]) -> list[str]:
    """Return where the predictions of several images go: below a folder, by name.

    Raises:
        ConfigError: The folder is called as a file is, and is not there.
    """
    suffix = PurePosixPath(folder.replace('\\', '/')).suffix.lower()
    if suffix in FILE_SUFFIXES and not (is_local(folder) and to_path(folder).is_dir()):
        raise ConfigError(
            f'OUT is a folder where there can be several images, but {folder} is the name of a '
            f'file; give one without {suffix}.'
        )
    return [layout.join_uri(folder, f'{name}{store.file_suffix}') for name in names]

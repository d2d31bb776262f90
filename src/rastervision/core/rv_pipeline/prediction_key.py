"""The fingerprint of a prediction: what was predicted under the same key need not be again."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rastervision.core.data import (
    ClassConfig,
    RasterioSourceConfig,
    SceneConfig,
    StatsTransformerConfig,
)
from rastervision.core.data.raster_source.rasterio_io import open_raster
from rastervision.core.rv_pipeline.predict_options import PredictOptions
from rastervision.core.utils.config_walk import find_configs
from rastervision.pipeline.config import Config
from rastervision.pipeline.file_system import file_to_json, is_local
from rastervision.pipeline.file_system.local_file_system import to_path


def prediction_key(
    scene: SceneConfig, options: PredictOptions, classes: ClassConfig, model: str
) -> str:
    """Return a fingerprint of everything that decides what is predicted for a scene.

    Where the predictions go is no part of it. Local files are known by name, size and time of the
    last change; statistics by their content; remote files by name only.

    Args:
        scene: The scene.
        options: How to predict.
        classes: The classes.
        model: Digest of the model.

    Raises:
        NotReadableError: A file that the scene is read from is missing.
    """
    store = {} if scene.label_store is None else scene.label_store.to_dict()
    facts = {
        'version': version('rastervision'),
        'model': model,
        'image': _image_facts(scene),
        'aoi': (scene.aoi_uris, _stamps(_files(scene))) if options.aoi_only else None,
        'outputs': {name: value for name, value in store.items() if name != 'uri'},
        'options': options.to_dict(),
        'classes': classes.to_dict(),
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _image_facts(scene: SceneConfig) -> dict[str, Any]:
    source = scene.raster_source.copy()
    statistics = []
    for transformer in find_configs(source, StatsTransformerConfig):
        if transformer.stats_uri is not None:
            statistics.append(file_to_json(transformer.stats_uri))
            transformer.stats_uri = None
    files = (path for config in find_configs(source, Config) for path in _files(config))
    return {'source': source.to_dict(), 'statistics': statistics, 'files': _stamps(files)}


def _stamps(files: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Name, size and time of the last change of files, each once."""
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted({*files})]


def _files(config: Config) -> Iterator[Path]:
    """The local files that a config names, with those that belong to a raster."""
    for name in type(config).model_fields:
        if not name.endswith(('uri', 'uris')):
            continue
        value = getattr(config, name)
        for uri in [value] if isinstance(value, str) else value or []:
            if is_local(uri) and to_path(uri).is_file():
                yield to_path(uri)
                if isinstance(config, RasterioSourceConfig):
                    with open_raster(uri) as dataset:
                        files = [Path(name) for name in dataset.files]
                    yield from (path for path in files if path.is_file())

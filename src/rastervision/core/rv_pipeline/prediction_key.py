"""The fingerprint of a prediction: what was predicted under the same key need not be again."""

import hashlib
import json
from importlib.metadata import version
from typing import Any

from rastervision.core.data import ClassConfig, SceneConfig, StatsTransformerConfig
from rastervision.core.rv_pipeline.input_files import files_of, input_files, stamps
from rastervision.core.rv_pipeline.predict_options import PredictOptions
from rastervision.core.utils.config_walk import find_configs
from rastervision.pipeline.file_system import file_to_json


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
        'aoi': (scene.aoi_uris, stamps(files_of(scene.aoi_uris or [])))
        if options.aoi_only
        else None,
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
    files = stamps(input_files(source))
    return {'source': source.to_dict(), 'statistics': statistics, 'files': files}

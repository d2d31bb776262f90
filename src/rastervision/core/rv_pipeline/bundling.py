"""What BUNDLE puts into the model bundle."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from rastervision.core.bundle import (
    MODEL_BUNDLE,
    ONNX,
    PIPELINE_CONFIG,
    STAC_ITEM,
    file_digest,
    listed_files,
    write_bundle,
)
from rastervision.core.data import SceneConfig, StatsTransformerConfig
from rastervision.core.raster_stats import RasterStats
from rastervision.core.rv_pipeline import layout
from rastervision.core.rv_pipeline.scenes import analyzer_scene
from rastervision.core.stac_mlm import Asset, LonLatBounds, mlm_item
from rastervision.core.utils.config_walk import find_configs
from rastervision.pipeline.errors import RVError, StageError
from rastervision.pipeline.file_system import download_if_needed, file_exists

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

log = logging.getLogger(__name__)


def write_pipeline_bundle(config: 'RVPipelineConfig', tmp_dir: Path) -> str:
    """Write the bundle of a pipeline whose model is trained, and return its URI.

    Raises:
        StageError: TRAIN has not written a model bundle.
    """
    model_uri = layout.model_bundle_uri(config.stage_uri('train'))
    if not file_exists(model_uri):
        raise StageError(f'There is no model to bundle at {model_uri}: run the train command.')
    model_path = download_if_needed(model_uri, str(tmp_dir))
    config_path = tmp_dir / PIPELINE_CONFIG
    config.to_file(str(config_path))
    files: dict[str, str | Path | bytes] = {PIPELINE_CONFIG: config_path, MODEL_BUNDLE: model_path}
    for group in config.dataset.scene_groups:
        stats_uri = layout.stats_uri(config.stage_uri('analyze'), group)
        if file_exists(stats_uri):
            files[layout.stats_uri('analyze', group)] = download_if_needed(stats_uri, str(tmp_dir))
    assets = {
        'model': _asset(MODEL_BUNDLE, model_path),
        'pipeline-config': _asset(PIPELINE_CONFIG, config_path),
    }
    if onnx := listed_files(model_path).get(ONNX):
        assets['onnx'] = Asset(f'{MODEL_BUNDLE}#{ONNX}', onnx['size'], onnx['sha256'])
    files[STAC_ITEM] = json.dumps(stac_item(config, assets, str(tmp_dir)), indent=1).encode()
    bundle_uri = layout.model_bundle_uri(config.stage_uri('bundle'))
    write_bundle(bundle_uri, files)
    log.info('Model bundle written to %s.', bundle_uri)
    return bundle_uri


def stac_item(
    config: 'RVPipelineConfig', assets: dict[str, Asset], tmp_dir: str
) -> dict[str, object]:
    """Describe the model of a pipeline as a STAC item."""
    classes = config.dataset.class_config
    options = config.predict_options
    root = (config.root_uri or 'pipeline').rstrip('/\\').replace('\\', '/')
    return mlm_item(
        name=root.rsplit('/', maxsplit=1)[-1],
        task=config.stac_task(),
        facts=config.backend.model_facts(config),
        class_names=classes.names,
        class_colors=classes.rgb_colors,
        assets=assets,
        scaling=_scaling(config),
        batch_size=options.batch_sz if options else None,
        bounds=_bounds(config, tmp_dir),
    )


def _asset(name: str, path: str | Path) -> Asset:
    size, digest = file_digest(path)
    return Asset(name, size, digest)


def _scaling(config: 'RVPipelineConfig') -> list[dict[str, float]]:
    """Return mean and deviation per channel of what a statistics transformer takes off."""
    for scene in config.dataset.train_scenes:
        for transformer in find_configs(scene.raster_source, StatsTransformerConfig):
            uri = transformer.stats_uri
            if uri and file_exists(uri):
                stats = RasterStats.load(uri).to_dict()
                return [
                    {'mean': mean, 'stddev': std}
                    for mean, std in zip(stats['means'], stats['stds'], strict=True)
                ]
    return []


def _bounds(config: 'RVPipelineConfig', tmp_dir: str) -> LonLatBounds | None:
    """Return the area of the train scenes; None when they are gone or not georeferenced."""
    boxes = [b for s in config.dataset.train_scenes if (b := _scene_bounds(s, tmp_dir))]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _scene_bounds(scene: SceneConfig, tmp_dir: str) -> LonLatBounds | None:
    try:
        source = analyzer_scene(scene).raster_source.build(tmp_dir)
        corners = source.bbox.to_points()
        xs, ys = source.crs_transformer.pixel_to_map((corners[:, 0], corners[:, 1]))
    except (RVError, OSError):
        return None
    west, south, east, north = (float(v) for v in (min(xs), min(ys), max(xs), max(ys)))
    inside = west >= -180 and east <= 180 and south >= -90 and north <= 90
    return (west, south, east, north) if inside else None

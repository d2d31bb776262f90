"""Whole pipelines as releases 0.12, 0.20 and 0.30 serialised them, for the three tasks."""

import json
from typing import Any

import pytest

from rastervision.core.rv_pipeline import RVPipelineConfig
from rastervision.pipeline.config import Config

TASKS = ('chip_classification', 'object_detection', 'semantic_segmentation')
CLASSES = {'names': ['car', 'background'], 'colors': ['red', 'black'], 'type_hint': 'class_config'}

VERSIONS = {
    '0.12': {
        'rastervision2.core': 0,
        'rastervision2.pytorch_learner': 0,
        'rastervision2.pytorch_backend': 0,
    },
    '0.20': {
        'rastervision.core': 8,
        'rastervision.pytorch_learner': 5,
        'rastervision.pytorch_backend': 1,
    },
    '0.30': {
        'rastervision.core': 12,
        'rastervision.pytorch_learner': 7,
        'rastervision.pytorch_backend': 2,
    },
}


def vector_source(release: str) -> dict[str, Any]:
    if release == '0.12':
        return {
            'type_hint': 'geojson_vector_source',
            'uri': 'labels.json',
            'default_class_id': 0,
            'class_id_to_filter': None,
            'line_bufs': {'0': 2.0},
            'point_bufs': None,
            'ignore_crs_field': False,
        }
    return {
        'type_hint': 'geojson_vector_source',
        'uris': 'labels.json',
        'ignore_crs_field': False,
        'transformers': [
            {'type_hint': 'class_inference_transformer', 'default_class_id': 0},
            {
                'type_hint': 'buffer_transformer',
                'geom_type': 'LineString',
                'class_bufs': {'0': 2.0},
            },
        ],
    }


def raster_source(release: str) -> dict[str, Any]:
    stats = {'type_hint': 'stats_transformer', 'stats_uri': None}
    source = {'type_hint': 'rasterio_source', 'uris': ['image.tif'], 'channel_order': [0, 1, 2]}
    if release == '0.12':
        return {
            **source,
            'transformers': [stats],
            'x_shift': 0.0,
            'y_shift': 0.0,
            'extent_crop': None,
        }
    stats['scene_group'] = 'train_scenes'
    box = 'extent' if release == '0.20' else 'bbox'
    return {**source, 'transformers': [stats], box: [0, 0, 900, 900], 'allow_streaming': False}


def label_source(task: str, release: str) -> dict[str, Any]:
    vectors = vector_source(release)
    if task == 'object_detection':
        return {'type_hint': 'object_detection_label_source', 'vector_source': vectors}
    if task == 'chip_classification':
        source = {'type_hint': 'chip_classification_label_source', 'vector_source': vectors}
        source |= {'background_class_id': 1, 'infer_cells': True, 'cell_sz': 200}
        return {**source, 'ioa_thresh': None if release == '0.12' else 0.5}
    rasterizer = {'type_hint': 'rasterizer', 'background_class_id': 1, 'all_touched': False}
    rasterized = {'type_hint': 'rasterized_source', 'vector_source': vectors}
    source = {
        'type_hint': 'semantic_segmentation_label_source',
        'raster_source': {**rasterized, 'rasterizer_config': rasterizer},
    }
    return {**source, 'rgb_class_config': None} if release == '0.12' else source


def scene(task: str, release: str) -> dict[str, Any]:
    cfg = {'type_hint': 'scene', 'id': 'scene', 'raster_source': raster_source(release)}
    cfg |= {'label_source': label_source(task, release), 'aoi_uris': None}
    return {**cfg, 'aoi_geometries': None} if release == '0.12' else cfg


def backend(task: str, release: str) -> dict[str, Any]:
    learner = task.removeprefix('chip_')
    model = {'type_hint': f'{learner}_model', 'backbone': 15 if release == '0.12' else 'resnet50'}
    solver = {'type_hint': 'solver', 'lr': 0.001, 'num_epochs': 3}
    cfg = {'type_hint': f'pytorch_{task}_backend', 'model': model}
    if release == '0.12':
        solver |= {'test_num_epochs': 2, 'test_batch_sz': 4, 'overfit_num_steps': 1}
        solver |= {'ignore_last_class': False}
        data = {
            'augmentors': ['RandomRotate90'],
            'num_workers': 2,
            'img_sz': 128,
            'test_mode': False,
        }
        return {**cfg, 'solver': solver, **data}
    data = {'type_hint': f'{learner}_image_data', 'img_sz': 128, 'num_workers': 2}
    data |= {'augmentors': ['RandomRotate90']}
    if release == '0.20':
        data |= {'class_names': CLASSES['names'], 'class_colors': CLASSES['colors']}
        return {**cfg, 'solver': solver, 'data': data, 'test_mode': False}
    return {**cfg, 'solver': solver, 'data': {**data, 'class_config': CLASSES}}


def options(task: str, release: str) -> dict[str, Any]:
    if release == '0.30':
        od = 'object_detection_' if task == 'object_detection' else ''
        sampling = {'type_hint': f'{od}window_sampling', 'size': 200, 'method': 'random'}
        kind = f'{task}_' if task != 'chip_classification' else ''
        chip_options = {'type_hint': f'{kind}chip_options', 'sampling': sampling}
        predict_options = {'type_hint': f'{kind}predict_options', 'chip_sz': 250, 'batch_sz': 8}
        return {'chip_options': chip_options, 'predict_options': predict_options}
    cfg = {'train_chip_sz': 200, 'predict_chip_sz': 250, 'chip_nodata_threshold': 1.0}
    if task == 'object_detection':
        chips = {'neg_ratio': 1.0, 'ioa_thresh': 0.8, 'window_method': 'chip', 'label_buffer': None}
        cfg['chip_options'] = {'type_hint': 'object_detection_chip_options', **chips}
        merging = {'merge_thresh': 0.3, 'score_thresh': 0.7}
        cfg['predict_options'] = {'type_hint': 'object_detection_predict_options', **merging}
    elif task == 'semantic_segmentation':
        chips = {'window_method': 'random_sample', 'chips_per_scene': 5, 'stride': None}
        cfg['chip_options'] = {'type_hint': 'semantic_segmentation_chip_options', **chips}
        formats = {'channel_display_groups': None, 'img_format': 'png', 'label_format': 'png'}
        cfg |= formats if release == '0.12' else {}
    return cfg


def serialised(task: str, release: str) -> dict[str, Any]:
    dataset = {'type_hint': 'dataset', 'class_config': CLASSES, 'test_scenes': []}
    dataset['train_scenes'] = dataset['validation_scenes'] = [scene(task, release)]
    if release == '0.12':
        dataset['img_channels'] = 3
    return {
        'type_hint': task,
        'root_uri': 'root',
        'plugin_versions': VERSIONS[release],
        'rv_config': {},
        'dataset': dataset,
        'backend': backend(task, release),
        'analyzers': [{'type_hint': 'stats_analyzer', 'output_uri': None, 'sample_prob': 0.1}],
        **options(task, release),
    }


@pytest.mark.parametrize('release', VERSIONS)
@pytest.mark.parametrize('task', TASKS)
def test_pipelines_of_older_releases_load(task, release):
    old = json.loads(json.dumps(serialised(task, release)))
    cfg = RVPipelineConfig.from_dict(old)
    cfg.update()
    cfg.recursive_validate_config()

    assert cfg.type_hint == task
    assert (cfg.chip_options.sampling.size, cfg.predict_options.chip_sz) == (200, 250)
    data = cfg.backend.data
    assert data.type_hint == f'{task.removeprefix("chip_")}_image_data'
    assert (data.img_sz, data.num_workers, data.augmentors) == (128, 2, ['RandomRotate90'])
    assert data.class_config.names[:2] == CLASSES['names']
    assert cfg.backend.model.backbone == 'resnet50'
    assert (cfg.backend.solver.lr, cfg.backend.solver.num_epochs) == (0.001, 3)
    source = cfg.dataset.train_scenes[0].raster_source
    assert source.bbox == (None if release == '0.12' else (0, 0, 900, 900))
    # statistics before version 14 are over all bands of the file
    assert source.transformers[0].needs_channel_order
    if task == 'object_detection' and release != '0.30':
        assert cfg.chip_options.sampling.neg_ratio == 1.0
        assert (cfg.predict_options.merge_thresh, cfg.predict_options.score_thresh) == (0.3, 0.7)

    new = Config.from_dict(cfg.to_dict(with_rv_metadata=True))
    assert new.to_dict() == cfg.to_dict()


@pytest.mark.parametrize('release', VERSIONS)
@pytest.mark.parametrize('task', TASKS)
def test_buffers_of_older_releases_are_kept(task, release):
    cfg = RVPipelineConfig.from_dict(serialised(task, release))
    labels = cfg.dataset.train_scenes[0].label_source
    if task == 'semantic_segmentation':
        labels = labels.raster_source
    transformers = labels.vector_source.transformers
    assert transformers[0].default_class_id == 0
    lines = [t for t in transformers if getattr(t, 'geom_type', None) == 'LineString']
    assert lines[0].class_bufs == {0: 2.0}

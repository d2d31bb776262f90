"""Every change to the configs of `rastervision.core` between releases 0.12 and 0.31.

A row has a config as it was written at a plugin version and what must stand in it after lifting;
GONE for a field that must not be there.
"""

from typing import Any

import pytest

from rastervision.pipeline.config import upgrade_config
from rastervision.pipeline.errors import ConfigError

CORE = 'rastervision.core'
GONE = '(gone)'

CLASS_CONFIG = {'type_hint': 'class_config', 'names': ['a', 'b'], 'colors': ['red', 'blue']}
DATASET = {
    'type_hint': 'dataset',
    'class_config': CLASS_CONFIG,
    'train_scenes': [],
    'validation_scenes': [],
}
SS_MODEL = {'type_hint': 'semantic_segmentation_model', 'backbone': 'resnet50'}
SS_BACKEND = {
    'type_hint': 'pytorch_semantic_segmentation_backend',
    'model': SS_MODEL,
    'solver': {'type_hint': 'solver'},
    'data': {'type_hint': 'semantic_segmentation_image_data'},
}
PIPELINE = {
    'type_hint': 'semantic_segmentation',
    'root_uri': 'root',
    'dataset': DATASET,
    'backend': SS_BACKEND,
}
RASTERIO = {'type_hint': 'rasterio_source', 'uris': ['a.tif']}
GEOJSON = {'type_hint': 'geojson_vector_source', 'uris': 'a.json'}
SCENE = {'type_hint': 'scene', 'id': 's', 'raster_source': RASTERIO}
SS_LABELS = {
    'type_hint': 'semantic_segmentation_label_source',
    'raster_source': {
        'type_hint': 'rasterized_source',
        'vector_source': GEOJSON,
        'rasterizer_config': {'type_hint': 'rasterizer', 'background_class_id': 0},
    },
}
CC_LABELS = {'type_hint': 'chip_classification_label_source', 'vector_source': GEOJSON}
MULTI = {'type_hint': 'multi_raster_source', 'raster_sources': [RASTERIO, RASTERIO]}
POLYGONS = {'type_hint': 'polygon_vector_output', 'class_id': 0}
BUILDINGS = {'type_hint': 'building_vector_output', 'class_id': 0}

ROWS: list[tuple[int, dict[str, Any], dict[str, Any]]] = [
    (0, {**DATASET, 'img_channels': 3}, {'img_channels': GONE}),
    (
        0,
        {**PIPELINE, 'channel_display_groups': None, 'img_format': 'png', 'label_format': 'png'},
        {'channel_display_groups': GONE, 'img_format': GONE, 'label_format': GONE},
    ),
    (1, {**MULTI, 'crs_source': 1}, {'crs_source': GONE, 'primary_source_idx': 1}),
    (1, MULTI, {'primary_source_idx': 0}),
    (2, {'type_hint': 'stats_transformer'}, {'scene_group': 'train_scenes'}),
    (
        2,
        {'type_hint': 'semantic_segmentation_evaluator', 'vector_output_uri': None},
        {'vector_output_uri': GONE},
    ),
    (3, {**SS_LABELS, 'rgb_class_config': None}, {'rgb_class_config': GONE}),
    (
        4,
        {
            **GEOJSON,
            'default_class_id': 1,
            'class_id_to_filter': None,
            'line_bufs': {'0': 2},
            'point_bufs': {'0': 3},
        },
        {
            'default_class_id': GONE,
            'line_bufs': GONE,
            'transformers.0.type_hint': 'class_inference_transformer',
            'transformers.0.default_class_id': 1,
            'transformers.1.geom_type': 'LineString',
            'transformers.2.geom_type': 'Point',
        },
    ),
    (4, {**SCENE, 'aoi_geometries': None}, {'aoi_geometries': GONE}),
    (4, {**CC_LABELS, 'ioa_thresh': None}, {'ioa_thresh': 0.5}),
    (4, {**CC_LABELS, 'ioa_thresh': 0.25}, {'ioa_thresh': 0.25}),
    (4, CC_LABELS, {'ioa_thresh': 0.5}),
    (5, {**RASTERIO, 'x_shift': 0.0, 'y_shift': 0.0}, {'x_shift': GONE, 'y_shift': GONE}),
    (6, {**RASTERIO, 'extent_crop': None}, {'extent_crop': GONE}),
    (6, {**BUILDINGS, 'min_aspect_ratio': 1.6}, {'min_aspect_ratio': GONE}),
    (
        7,
        {'type_hint': 'geojson_vector_source', 'uri': 'a.json'},
        {'uri': GONE, 'uris': 'a.json'},
    ),
    (8, {**POLYGONS, 'uri': 'x'}, {'uri': GONE}),
    (9, {**RASTERIO, 'extent': [0, 0, 5, 5]}, {'extent': GONE, 'bbox': [0, 0, 5, 5]}),
    (
        10,
        {**PIPELINE, 'train_chip_sz': 200, 'chip_nodata_threshold': 0.5},
        {
            'train_chip_sz': GONE,
            'chip_options.sampling.size': 200,
            'chip_options.nodata_threshold': 0.5,
        },
    ),
    (10, PIPELINE, {'chip_options.sampling.size': 300, 'chip_options.nodata_threshold': 1.0}),
    (
        10,
        {
            **PIPELINE,
            'train_chip_sz': 100,
            'chip_options': {
                'type_hint': 'semantic_segmentation_chip_options',
                'window_method': 'random_sample',
                'stride': None,
                'chips_per_scene': 7,
                'target_class_ids': [1],
            },
        },
        {
            'chip_options.window_method': GONE,
            'chip_options.stride': GONE,
            'chip_options.chips_per_scene': GONE,
            'chip_options.target_class_ids': [1],
            'chip_options.sampling.method': 'random',
            'chip_options.sampling.max_windows': 7,
            'chip_options.sampling.size': 100,
        },
    ),
    (
        10,
        {
            **PIPELINE,
            'chip_options': {
                'type_hint': 'semantic_segmentation_chip_options',
                'window_method': 'sliding',
                'stride': 150,
            },
        },
        {
            'chip_options.sampling.method': 'sliding',
            'chip_options.sampling.stride': 150,
            'chip_options.sampling.size': 300,
        },
    ),
    (
        11,
        {**PIPELINE, 'predict_chip_sz': 250, 'predict_batch_sz': 2},
        {
            'predict_chip_sz': GONE,
            'predict_batch_sz': GONE,
            'predict_options.chip_sz': 250,
            'predict_options.batch_sz': 2,
        },
    ),
    (11, PIPELINE, {'predict_options.chip_sz': 300, 'predict_options.batch_sz': 8}),
    (12, {**GEOJSON, 'ignore_crs_field': True}, {'ignore_crs_field': GONE}),
    (13, {'type_hint': 'stats_transformer'}, {'needs_channel_order': True}),
    (13, {**MULTI, 'force_same_dtype': True}, {'force_same_dtype': GONE}),
]


@pytest.mark.parametrize(
    ('version', 'old', 'expected'),
    ROWS,
    ids=[f'{version}-{old["type_hint"]}' for version, old, _ in ROWS],
)
def test_old_configs_are_lifted(check_lifted, version, old, expected):
    check_lifted(CORE, version, old, expected)


@pytest.mark.parametrize(
    ('version', 'old', 'message'),
    [
        (4, {**SCENE, 'aoi_geometries': [{}]}, 'aoi_uris'),
        (5, {**RASTERIO, 'x_shift': 1.0, 'y_shift': 0.0}, 'shift_transformer'),
        (6, {**RASTERIO, 'extent_crop': {'skip_top': 0.5}}, 'extent_crop'),
    ],
)
def test_what_cannot_be_lifted_is_named(lift, version, old, message):
    with pytest.raises(ConfigError, match=message):
        lift(CORE, version, old)


@pytest.mark.parametrize('task', ['chip_classification', 'object_detection'])
def test_pipelines_of_all_tasks_are_lifted(check_lifted, task):
    model = {'type_hint': f'{task.removeprefix("chip_")}_model', 'backbone': 'resnet50'}
    data = {'type_hint': f'{task.removeprefix("chip_")}_image_data'}
    backend = {'type_hint': f'pytorch_{task}_backend', 'model': model, 'data': data}
    backend['solver'] = {'type_hint': 'solver'}
    old = {**PIPELINE, 'type_hint': task, 'backend': backend}
    sizes = {'train_chip_sz': 200, 'predict_chip_sz': 250, 'predict_batch_sz': 2}
    expected = {
        **dict.fromkeys(sizes, GONE),
        'chip_options.sampling.size': 200,
        'chip_options.nodata_threshold': 1.0,
        'predict_options.chip_sz': 250,
        'predict_options.batch_sz': 2,
    }
    check_lifted(CORE, 10, {**old, **sizes}, expected)
    method = {'chip_options': {'method': 'random_sample'}}
    check_lifted(CORE, 10, {**old, **method}, {'chip_options.sampling.method': 'random'})


def test_chip_options_of_detection_are_lifted(check_lifted):
    old = {
        'type_hint': 'object_detection_chip_options',
        'neg_ratio': 2.0,
        'ioa_thresh': 0.9,
        'window_method': 'chip',
        'label_buffer': None,
        'sampling': {'size': 300},
    }
    expected = {
        **dict.fromkeys(('neg_ratio', 'ioa_thresh', 'window_method', 'label_buffer'), GONE),
        'sampling.neg_ratio': 2.0,
        'sampling.ioa_thresh': 0.9,
        'sampling.method': 'random',
    }
    check_lifted(CORE, 10, old, expected)


def test_a_config_of_the_preview_of_0_12_is_lifted():
    old = {
        **PIPELINE,
        'train_chip_sz': 300,
        'predict_chip_sz': 300,
        'plugin_versions': {
            'rastervision2.core': 0,
            'rastervision2.pytorch_learner': 1,
            'rastervision2.pytorch_backend': 1,
        },
    }
    new = upgrade_config(old)
    assert new['predict_options']['chip_sz'] == new['chip_options']['sampling']['size'] == 300

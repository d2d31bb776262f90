"""Every change to serialised configs between releases 0.12 and 0.31, lifted to today's form.

A row has a config as it was written at a plugin version and what must stand in it after lifting;
None for a field that must be gone.
"""

from typing import Any

import pytest

from rastervision.pipeline.config import build_config, upgrade_config
from rastervision.pipeline.errors import ConfigError

CORE = 'rastervision.core'
LEARNER = 'rastervision.pytorch_learner'
BACKEND = 'rastervision.pytorch_backend'
GONE = object()

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
IMAGE_DATA = {'type_hint': 'semantic_segmentation_image_data'}
GEO_DATA = {'type_hint': 'semantic_segmentation_geo_data'}
LEARNER_CFG = {'type_hint': 'semantic_segmentation_learner', 'data': IMAGE_DATA}
POLYGONS = {'type_hint': 'polygon_vector_output', 'class_id': 0}
BUILDINGS = {'type_hint': 'building_vector_output', 'class_id': 0}

ROWS: list[tuple[str, int, dict[str, Any], dict[str, Any]]] = [
    (CORE, 0, {**DATASET, 'img_channels': 3}, {'img_channels': GONE}),
    (
        CORE,
        0,
        {**PIPELINE, 'channel_display_groups': None, 'img_format': 'png', 'label_format': 'png'},
        {'channel_display_groups': GONE, 'img_format': GONE, 'label_format': GONE},
    ),
    (CORE, 2, {'type_hint': 'stats_transformer'}, {'scene_group': 'train_scenes'}),
    (
        CORE,
        2,
        {'type_hint': 'semantic_segmentation_evaluator', 'vector_output_uri': None},
        {'vector_output_uri': GONE},
    ),
    (CORE, 3, {**SS_LABELS, 'rgb_class_config': None}, {'rgb_class_config': GONE}),
    (
        CORE,
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
    (CORE, 4, {**SCENE, 'aoi_geometries': None}, {'aoi_geometries': GONE}),
    (CORE, 5, {**RASTERIO, 'x_shift': 0.0, 'y_shift': 0.0}, {'x_shift': GONE, 'y_shift': GONE}),
    (CORE, 6, {**RASTERIO, 'extent_crop': None}, {'extent_crop': GONE}),
    (CORE, 6, {**BUILDINGS, 'min_aspect_ratio': 1.6}, {'min_aspect_ratio': GONE}),
    (
        CORE,
        7,
        {'type_hint': 'geojson_vector_source', 'uri': 'a.json'},
        {'uri': GONE, 'uris': 'a.json'},
    ),
    (CORE, 8, {**POLYGONS, 'uri': 'x'}, {'uri': GONE}),
    (CORE, 9, {**RASTERIO, 'extent': [0, 0, 5, 5]}, {'extent': GONE, 'bbox': [0, 0, 5, 5]}),
    (
        CORE,
        10,
        {**PIPELINE, 'train_chip_sz': 200, 'chip_nodata_threshold': 0.5},
        {
            'train_chip_sz': GONE,
            'chip_options.sampling.size': 200,
            'chip_options.nodata_threshold': 0.5,
        },
    ),
    (CORE, 10, PIPELINE, {'chip_options.sampling.size': 300, 'chip_options.nodata_threshold': 1.0}),
    (
        CORE,
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
        CORE,
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
        CORE,
        11,
        {**PIPELINE, 'predict_chip_sz': 250, 'predict_batch_sz': 2},
        {
            'predict_chip_sz': GONE,
            'predict_batch_sz': GONE,
            'predict_options.chip_sz': 250,
            'predict_options.batch_sz': 2,
        },
    ),
    (CORE, 11, PIPELINE, {'predict_options.chip_sz': 300, 'predict_options.batch_sz': 8}),
    (CORE, 12, {**GEOJSON, 'ignore_crs_field': True}, {'ignore_crs_field': GONE}),
    (CORE, 13, {'type_hint': 'stats_transformer'}, {'needs_channel_order': True}),
    (LEARNER, 0, {**SS_MODEL, 'backbone': 15}, {'backbone': 'resnet50'}),
    (LEARNER, 0, {**SS_MODEL, 'backbone': 1}, {'backbone': 'alexnet'}),
    (LEARNER, 0, {**SS_MODEL, 'backbone': 35}, {'backbone': 'vgg19'}),
    (
        LEARNER,
        1,
        {'type_hint': 'semantic_segmentation_data', 'uri': 'x'},
        {'type_hint': 'semantic_segmentation_image_data', 'uri': 'x'},
    ),
    (
        LEARNER,
        2,
        {**IMAGE_DATA, 'channel_display_groups': None, 'img_format': None, 'label_format': 'png'},
        {'channel_display_groups': GONE, 'img_format': GONE, 'label_format': GONE},
    ),
    (
        LEARNER,
        3,
        {'type_hint': 'solver', 'ignore_last_class': True},
        {'ignore_last_class': GONE, 'ignore_class_index': -1},
    ),
    (LEARNER, 3, {'type_hint': 'solver', 'ignore_last_class': False}, {'ignore_last_class': GONE}),
    (
        LEARNER,
        4,
        {'type_hint': 'solver', 'test_batch_sz': 1, 'test_num_epochs': 1, 'overfit_num_steps': 1},
        {'test_batch_sz': GONE, 'test_num_epochs': GONE, 'overfit_num_steps': GONE},
    ),
    (
        LEARNER,
        4,
        {**LEARNER_CFG, 'overfit_mode': False, 'test_mode': False, 'predict_mode': False},
        {'overfit_mode': GONE, 'test_mode': GONE, 'predict_mode': GONE},
    ),
    (
        LEARNER,
        5,
        {**GEO_DATA, 'window_opts': {'type_hint': 'geo_data_window', 'size': 9}},
        {'window_opts': GONE, 'sampling.type_hint': 'window_sampling', 'sampling.size': 9},
    ),
    (
        LEARNER,
        6,
        {**IMAGE_DATA, 'class_names': ['x', 'y'], 'class_colors': ['red', [1, 2, 3]]},
        {
            'class_names': GONE,
            'class_colors': GONE,
            'class_config.names': ['x', 'y'],
            'class_config.colors': ['red', [1, 2, 3]],
        },
    ),
    (
        BACKEND,
        0,
        {
            'type_hint': 'pytorch_semantic_segmentation_backend',
            'model': SS_MODEL,
            'solver': {'type_hint': 'solver'},
            'augmentors': ['Blur'],
            'group_uris': None,
            'num_workers': 3,
            'base_transform': None,
        },
        {
            'augmentors': GONE,
            'num_workers': GONE,
            'data.type_hint': 'semantic_segmentation_image_data',
            'data.augmentors': ['Blur'],
            'data.num_workers': 3,
            'data.img_sz': 256,
        },
    ),
    (BACKEND, 1, {**SS_BACKEND, 'test_mode': False}, {'test_mode': GONE}),
]


def look_up(cfg: Any, path: str) -> Any:
    for key in path.split('.'):
        if isinstance(cfg, list):
            cfg = cfg[int(key)]
        elif key in cfg:
            cfg = cfg[key]
        else:
            return GONE
    return cfg


def versions(plugin: str, version: int) -> dict[str, int]:
    """All plugins at the version of release 0.31, but for one."""
    return {CORE: 14, LEARNER: 7, BACKEND: 2, 'rastervision.pipeline': 0, plugin: version}


@pytest.mark.parametrize(
    ('plugin', 'version', 'old', 'expected'),
    ROWS,
    ids=[
        f'{plugin.partition(".")[2]}-{version}-{old["type_hint"]}'
        for plugin, version, old, _ in ROWS
    ],
)
def test_old_configs_are_lifted(plugin, version, old, expected):
    new = upgrade_config({**old, 'plugin_versions': versions(plugin, version)})
    if new['type_hint'] != 'semantic_segmentation':  # only pipelines have the field
        new.pop('plugin_versions')
    built = build_config(new).to_dict()
    for path, value in expected.items():
        assert look_up(new if value is GONE else built, path) == value, path


@pytest.mark.parametrize(
    ('version', 'old', 'message'),
    [
        (4, {**SCENE, 'aoi_geometries': [{}]}, 'aoi_uris'),
        (5, {**RASTERIO, 'x_shift': 1.0, 'y_shift': 0.0}, 'shift_transformer'),
        (6, {**RASTERIO, 'extent_crop': {'skip_top': 0.5}}, 'extent_crop'),
    ],
)
def test_what_cannot_be_lifted_is_named(version, old, message):
    with pytest.raises(ConfigError, match=message):
        upgrade_config({**old, 'plugin_versions': versions(CORE, version)})


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

"""Values that are of the right type but make no sense, alone or together with others."""

import pytest

from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError

RASTER = {'type_hint': 'rasterio_source', 'uris': 'a.tif'}
VECTOR = {'type_hint': 'geojson_vector_source', 'uris': 'a.json'}
CLASSES = {'names': ['a', 'b']}

REQUIRED = {
    'cast_transformer': {'to_dtype': 'uint8'},
    'chip_options': {'sampling': {'size': 300}},
    'class_config': CLASSES,
    'dataset': {'class_config': CLASSES, 'train_scenes': [], 'validation_scenes': []},
    'external-module': {'entrypoint': 'f', 'uri': 'a'},
    'learner': {'data': {'type_hint': 'image_data'}},
    'multi_raster_source': {'raster_sources': [RASTER]},
    'object_detection_window_sampling': {'size': 300},
    'scene': {'id': 'a', 'raster_source': RASTER},
    'semantic_segmentation_chip_options': {'sampling': {'size': 300}},
    'stac_item': {'uri': 'a.json'},
    'building_vector_output': {'class_id': 0},
    'polygon_vector_output': {'class_id': 0},
    'rasterio_source': {'uris': 'a.tif'},
    'vector_tile_source': {'uri': 'a.mbtiles', 'zoom': 1, 'id_field': 'id'},
    'window_sampling': {'size': 300},
    'xarray_source': {'stac': {'type_hint': 'stac_item', 'uri': 'a.json'}},
}

ROWS = [
    ('buffer_transformer', {'geom_type': 'Circle'}, ['geom_type', 'Circle', 'Polygon']),
    ('class_config', {'names': ['a', 'a']}, ['names', 'a stands there twice']),
    ('class_config', {'names': ['a', 'b'], 'colors': ['red']}, ['colors']),
    ('class_config', {'names': ['a', 'b'], 'colors': ['red', 'nocolor']}, ['nocolor']),
    ('class_config', {'names': ['a', 'b'], 'null_class': 'c'}, ['null_class', 'c']),
    ('class_config', {'names': []}, ['names']),
    ('cast_transformer', {'to_dtype': 'uint7'}, ['to_dtype', 'uint7']),
    ('reclass_transformer', {'mapping': {'x': 1}}, ['mapping', 'x']),
    (
        'class_inference_transformer',
        {'class_id_to_filter': {0: ['=', 1]}},
        ['class_id_to_filter', '='],
    ),
    ('class_inference_transformer', {'class_name_mapping': {'a': 3}}, ['class_name_mapping']),
    ('window_sampling', {'size': 0}, ['size']),
    ('window_sampling', {'stride': 0}, ['stride']),
    ('window_sampling', {'method': 'sliding', 'size_lims': [10, 20]}, ['size_lims']),
    ('window_sampling', {'method': 'random', 'size_lims': [20, 10]}, ['size_lims']),
    (
        'window_sampling',
        {'method': 'random', 'size_lims': [10, 20], 'h_lims': [1, 2], 'w_lims': [1, 2]},
        ['size_lims', 'h_lims'],
    ),
    ('window_sampling', {'method': 'random', 'h_lims': [1, 2]}, ['w_lims']),
    ('window_sampling', {'method': 'jumping'}, ['method', 'jumping', 'random']),
    ('window_sampling', {'pad_direction': 'left'}, ['pad_direction', 'left', 'start']),
    ('window_sampling', {'max_sample_attempts': 0}, ['max_sample_attempts']),
    ('object_detection_window_sampling', {'ioa_thresh': 1.5}, ['ioa_thresh']),
    ('object_detection_window_sampling', {'neg_ioa_thresh': 1.5}, ['neg_ioa_thresh']),
    ('object_detection_window_sampling', {'neg_ratio': -1}, ['neg_ratio']),
    ('chip_options', {'nodata_threshold': 1.5}, ['nodata_threshold']),
    ('semantic_segmentation_chip_options', {'target_class_ids': [-1]}, ['target_class_ids']),
    (
        'semantic_segmentation_chip_options',
        {'negative_survival_prob': 2},
        ['negative_survival_prob'],
    ),
    ('predict_options', {'chip_sz': 0}, ['chip_sz']),
    ('predict_options', {'batch_sz': 0}, ['batch_sz']),
    (
        'semantic_segmentation_predict_options',
        {'chip_sz': 100, 'stride': 150},
        ['stride', 'chip_sz'],
    ),
    (
        'semantic_segmentation_predict_options',
        {'chip_sz': 100, 'stride': 100, 'crop_sz': 20},
        ['crop_sz'],
    ),
    ('semantic_segmentation_predict_options', {'crop_sz': 'auto?'}, ['crop_sz']),
    ('object_detection_predict_options', {'score_thresh': 1.5}, ['score_thresh']),
    ('object_detection_predict_options', {'merge_thresh': 1.5}, ['merge_thresh']),
    ('object_detection_predict_options', {'chip_sz': 100, 'stride': 150}, ['stride', 'chip_sz']),
    ('chip_classification_label_source', {'ioa_thresh': 1.5}, ['ioa_thresh']),
    ('chip_classification_label_source', {'infer_cells': True, 'cell_sz': 0}, ['cell_sz']),
    (
        'chip_classification_label_source',
        {'infer_cells': True, 'cell_sz': 10},
        ['background_class_id'],
    ),
    ('dataset', {'train_scenes': [{'id': 'x', 'raster_source': RASTER}] * 2}, ['x']),
    ('scene', {'id': ''}, ['id']),
    ('rasterio_source', {'uris': []}, ['uris']),
    ('rasterio_source', {'channel_order': [-1]}, ['channel_order']),
    ('rasterio_source', {'channel_order': []}, ['channel_order']),
    ('rasterio_source', {'bbox': [0, 0, 1]}, ['bbox']),
    ('rasterio_source', {'bbox': [10, 10, 5, 5]}, ['bbox']),
    ('multi_raster_source', {'raster_sources': []}, ['raster_sources']),
    ('multi_raster_source', {'primary_source_idx': 1}, ['primary_source_idx']),
    ('multi_raster_source', {'channel_order': [-1]}, ['channel_order']),
    ('geojson_vector_source', {'uris': []}, ['uris']),
    ('vector_file_source', {'uris': []}, ['uris']),
    ('vector_tile_source', {'zoom': 40}, ['zoom']),
    ('polygon_vector_output', {'denoise': -1}, ['denoise']),
    ('polygon_vector_output', {'threshold': 1.5}, ['threshold']),
    ('building_vector_output', {'min_area': -1}, ['min_area']),
    ('stats_analyzer', {'sample_prob': 2}, ['sample_prob']),
    ('stats_analyzer', {'sample_prob': 0}, ['sample_prob']),
    ('stats_analyzer', {'chip_sz': 0}, ['chip_sz']),
    ('object_detection_evaluator', {'iou_thresh': 1.5}, ['iou_thresh']),
    ('external-module', {'uri': None}, ['uri', 'github_repo']),
    ('external-module', {'github_repo': 'a/b'}, ['uri', 'github_repo']),
    ('external-module', {'uri': None, 'github_repo': 'ab'}, ['github_repo']),
    ('model', {'backbone': 'resnet9'}, ['backbone', 'resnet9']),
    ('semantic_segmentation_model', {'backbone': 'vgg11'}, ['backbone', 'vgg11']),
    ('object_detection_model', {'architecture': 'ssdlite', 'encoder': 'resnet18'}, ['encoder']),
    ('solver', {'lr': 0}, ['lr']),
    ('solver', {'batch_sz': 0}, ['batch_sz']),
    ('solver', {'num_epochs': 0}, ['num_epochs']),
    ('solver', {'class_loss_weights': []}, ['class_loss_weights']),
    ('solver', {'class_loss_weights': [-1, 1]}, ['class_loss_weights']),
    ('image_data', {'uri': 'a', 'group_uris': ['b']}, ['uri', 'group_uris']),
    (
        'image_data',
        {'group_uris': ['b'], 'group_train_sz': 1, 'group_train_sz_rel': 0.5},
        ['group_train_sz'],
    ),
    ('image_data', {'group_uris': ['b'], 'group_train_sz': [1, 2]}, ['group_train_sz']),
    ('image_data', {'group_train_sz': 1}, ['group_train_sz', 'group_uris']),
    ('image_data', {'train_sz': 1, 'train_sz_rel': 0.5}, ['train_sz', 'train_sz_rel']),
    ('image_data', {'train_sz_rel': 1.5}, ['train_sz_rel']),
    ('image_data', {'train_sz': 0}, ['train_sz']),
    ('image_data', {'img_sz': 0}, ['img_sz']),
    ('image_data', {'augmentors': ['Blurr']}, ['augmentors', 'Blurr', 'Blur']),
    ('image_data', {'img_channels': 0}, ['img_channels']),
    ('image_data', {'base_transform': {'x': 1}}, ['base_transform']),
    (
        'image_data',
        {'aug_transform': {'transform': {'__class_fullname__': 'NoSuch'}}},
        ['aug_transform', 'NoSuch'],
    ),
    ('plot_options', {'transform': {'x': 1}}, ['transform']),
    (
        'plot_options',
        {'channel_display_groups': {'a': [0, 1, 2, 3]}},
        ['channel_display_groups', 'a'],
    ),
    ('plot_options', {'channel_display_groups': {'a': []}}, ['channel_display_groups', 'a']),
    ('geo_data', {'sampling': {'size': 0}}, ['sampling']),
    (
        'learner',
        {'run_tensorboard': True, 'log_tensorboard': False},
        ['run_tensorboard', 'log_tensorboard'],
    ),
    (
        'regression_image_data',
        {'pos_class_names': ['a'], 'prob_class_names': ['a']},
        ['pos_class_names', 'prob_class_names'],
    ),
    ('regression_plot_options', {'max_scatter_points': 0}, ['max_scatter_points']),
    (
        'semantic_segmentation',
        {'backend': {'type_hint': 'pytorch_chip_classification_backend'}},
        ['backend'],
    ),
    (
        'chip_classification_label_source',
        {'vector_source': RASTER},
        ['vector_source', 'rasterio_source'],
    ),
    ('scene', {'raster_source': VECTOR}, ['raster_source', 'geojson_vector_source']),
    ('stac_item', {'assets': []}, ['assets']),
    ('xarray_source', {'channel_order': [-1]}, ['channel_order']),
]


def load(cfg_dict):
    """Build and validate a config as the command line does."""
    Config.from_dict(cfg_dict).recursive_validate_config()


@pytest.mark.parametrize(
    ('hint', 'values', 'names'),
    ROWS,
    ids=[f'{hint}-{"-".join(values)}' for hint, values, _ in ROWS],
)
def test_senseless_values_are_refused(hint, values, names):
    """The message names what is wrong, and mostly the way out."""
    with pytest.raises(ConfigError) as error:
        load({'type_hint': hint, **REQUIRED.get(hint, {}), **values})
    for name in names:
        assert name in str(error.value)

"""Every field of every registered config: what does not fit is refused by a message that names it.

The values are made from the fields, so a new config or field is walked as well; a new config with
required fields needs an entry in `MINIMAL`.
"""

import types
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic.fields import FieldInfo

from rastervision.pipeline import registry_
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError

CLASSES = {'names': ['a', 'b']}
RASTER = {'type_hint': 'rasterio_source', 'uris': 'a.tif'}
VECTOR = {'type_hint': 'geojson_vector_source', 'uris': 'a.json'}
WINDOWS = {'size': 300}
DATASET = {'class_config': CLASSES, 'train_scenes': [], 'validation_scenes': []}


def learner(task: str) -> dict[str, Any]:
    return {'data': {'type_hint': f'{task}_image_data'}, 'model': {'type_hint': f'{task}_model'}}


def backend(task: str) -> dict[str, Any]:
    return {**learner(task), 'solver': {}}


def pipeline(hint: str) -> dict[str, Any]:
    return {'root_uri': 'root', 'dataset': DATASET, 'backend': {'type_hint': hint, **MINIMAL[hint]}}


MINIMAL: dict[str, dict[str, Any]] = {
    'buffer_transformer': {'geom_type': 'Point'},
    'cast_transformer': {'to_dtype': 'uint8'},
    'chip_options': {'sampling': WINDOWS},
    'class_config': CLASSES,
    'dataset': DATASET,
    'external-module': {'entrypoint': 'f', 'uri': 'a'},
    'geojson_vector_source': {'uris': 'a.json'},
    'learner': {'data': {'type_hint': 'image_data'}},
    'multi_raster_source': {'raster_sources': [RASTER]},
    'object_detection_chip_options': {'sampling': WINDOWS},
    'object_detection_label_source': {'vector_source': VECTOR},
    'object_detection_window_sampling': WINDOWS,
    'rasterio_source': {'uris': 'a.tif'},
    'rasterized_source': {'vector_source': VECTOR, 'rasterizer_config': {'background_class_id': 0}},
    'rasterizer': {'background_class_id': 0},
    'reclass_transformer': {'mapping': {1: 2}},
    'rgb_class_transformer': {'class_config': CLASSES},
    'scene': {'id': 'a', 'raster_source': RASTER},
    'semantic_segmentation_chip_options': {'sampling': WINDOWS},
    'semantic_segmentation_label_source': {'raster_source': RASTER},
    'stac_item': {'uri': 'a.json'},
    'stac_item_collection': {'uri': 'a.json'},
    'vector_file_source': {'uris': 'a.gpkg'},
    'vector_tile_source': {'uri': 'a.mbtiles', 'zoom': 1, 'id_field': 'id'},
    'window_sampling': WINDOWS,
    'xarray_file_source': {'uri': 'a.nc'},
    'xarray_source': {'stac': {'type_hint': 'stac_item', 'uri': 'a.json'}},
    **{
        hint: {'class_id': 0}
        for hint in ('building_vector_output', 'polygon_vector_output', 'vector_output')
    },
    **{
        f'{task}_learner': learner(task)
        for task in ('classification', 'object_detection', 'regression', 'semantic_segmentation')
    },
    'pytorch_chip_classification_backend': backend('classification'),
    'pytorch_chip_regression_backend': backend('regression'),
    'pytorch_object_detection_backend': backend('object_detection'),
    'pytorch_semantic_segmentation_backend': backend('semantic_segmentation'),
    'pytorch_learner_backend': backend('semantic_segmentation'),
}
for _task in 'chip_classification', 'chip_regression', 'object_detection', 'semantic_segmentation':
    MINIMAL[_task] = pipeline(f'pytorch_{_task}_backend')
MINIMAL['rv_pipeline'] = pipeline('pytorch_learner_backend')

WRONG = ({'no such': ['thing']}, 'no such', -3, 0.25, True, None, [['no such']], float('nan'))
ANY_SIGN = {
    'buffer_transformer.default_buf',
    'nan_transformer.to_value',
    'rasterio_source.nodata',
    'shift_transformer.x_shift',
    'shift_transformer.y_shift',
    'solver.ignore_class_index',
    'stats_analyzer.nodata_value',
}
"""Fields that take negative numbers."""

NO_NUMBER = {'rasterio_source.nodata', 'stats_analyzer.nodata_value'}
"""Fields that take NaN."""


def hints() -> list[str]:
    registry_.load_builtins()
    return sorted(
        hint
        for hint, info in registry_.configs.items()
        if info.cls.__module__.startswith('rastervision.')
    )


def fields() -> list[Any]:
    return [
        pytest.param(hint, name, id=f'{hint}.{name}')
        for hint in hints()
        for name in registry_.get_config(hint).model_fields
        if name not in {'plugin_versions', 'rv_config'}
    ]


def field_of(param: Any) -> FieldInfo:
    hint, name = param.values
    return registry_.get_config(hint).model_fields[name]


def load(hint: str, **values: Any) -> Config:
    """Build and validate a config as the command line does."""
    minimal = {**MINIMAL.get(hint, {}), **values}
    cfg = Config.from_dict({'type_hint': hint, **minimal})
    cfg.recursive_validate_config()
    return cfg


def members(annotation: Any) -> set[Any]:
    """The types that a field takes: members of unions, without what annotates them."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return {m for a in get_args(annotation) for m in members(a)}
    return {annotation}


@pytest.mark.parametrize('hint', hints())
def test_the_minimal_config_is_valid(hint):
    assert load(hint).type_hint == hint


@pytest.mark.parametrize('hint', hints())
def test_unknown_fields(hint):
    with pytest.raises(ConfigError, match='no_such_field: unknown field of'):
        load(hint, no_such_field=1)


@pytest.mark.parametrize(('hint', 'field'), [p for p in fields() if field_of(p).is_required()])
def test_missing_fields(hint, field):
    values = {k: v for k, v in MINIMAL[hint].items() if k != field}
    with pytest.raises(ConfigError, match=f'{field}: this field is required'):
        Config.from_dict({'type_hint': hint, **values})


@pytest.mark.parametrize(('hint', 'field'), fields())
def test_wrong_values(hint, field):
    """Whatever stands in a field, it is taken, or refused by a message that names the field."""
    refused = 0
    for value in WRONG:
        try:
            load(hint, **{field: value})
        except ConfigError as error:
            refused += 1
            assert field in str(error)  # noqa: PT017  some values are taken
            assert 'Traceback' not in str(error)  # noqa: PT017
    assert refused or Any in members(registry_.get_config(hint).model_fields[field].annotation)


def numbers(but: set[str]) -> list[Any]:
    """Fields that take numbers."""
    return [
        param
        for param in fields()
        if {int, float} & members(field_of(param).annotation) and param.id not in but
    ]


@pytest.mark.parametrize(('hint', 'field'), numbers(but=ANY_SIGN))
def test_negative_numbers(hint, field):
    with pytest.raises(ConfigError, match=field):
        load(hint, **{field: -2})


@pytest.mark.parametrize(('hint', 'field'), numbers(but=NO_NUMBER))
def test_nan(hint, field):
    with pytest.raises(ConfigError, match=field):
        load(hint, **{field: float('nan')})

import logging

import numpy as np
import pytest

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformerConfig,
    GeoJSONVectorSourceConfig,
    IdentityCRSTransformer,
    RasterioSource,
    RasterioSourceConfig,
    RasterizedSourceConfig,
    RasterizerConfig,
    ReclassTransformer,
    RGBClassTransformer,
    RGBClassTransformerConfig,
    SemanticSegmentationLabelSource,
    SemanticSegmentationLabelSourceConfig,
)
from rastervision.core.data.label_source.semantic_segmentation_label_source import (
    ss_label_source_config_upgrader,
)
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError, DataError

CLASSES = ClassConfig(names=['a', 'b', 'null'], colors=['red', 'navy', 'black'])
IDS = (np.arange(12 * 15).reshape(12, 15) % 2).astype(np.uint8)


@pytest.fixture
def labels(write_tif):
    return SemanticSegmentationLabelSource(RasterioSource(write_tif('ids.tif', IDS)), CLASSES)


def test_ids_are_read_as_they_are(labels) -> None:
    assert np.array_equal(labels.get_label_arr(), IDS)
    assert labels.get_label_arr().dtype == np.uint8
    assert np.array_equal(labels[Box(2, 3, 7, 9)], IDS[2:7, 3:9])
    assert np.array_equal(labels[2:10:3, 1:9:2], IDS[2:10:3, 1:9:2])


def test_outside_of_the_extent_is_null(labels) -> None:
    arr = labels.get_label_arr(Box(-2, -3, 14, 18))
    expected = np.full((16, 21), 2)
    expected[2:14, 3:18] = IDS
    assert np.array_equal(arr, expected)


def test_get_labels_holds_the_same(labels) -> None:
    whole = labels.get_labels()
    assert np.array_equal(whole.get_label_arr(labels.extent), IDS)
    part = labels.get_labels(Box(0, 0, 4, 4))
    assert np.array_equal(part.get_label_arr(Box(0, 0, 4, 4)), IDS[:4, :4])


def test_nodata_of_the_label_raster_is_null(write_tif) -> None:
    ids = np.where(np.eye(12, 15, dtype=bool), 0, 2).astype(np.uint8)
    uri = write_tif('ids.tif', ids, nodata=0)
    source = RasterioSource(uri, raster_transformers=[ReclassTransformer({2: 1})])
    arr = SemanticSegmentationLabelSource(source, CLASSES).get_label_arr()
    assert np.array_equal(arr, np.where(ids == 0, 2, 1))


WITH_REAL_NULL = ClassConfig(names=['background', 'a'], null_class='background')


@pytest.mark.parametrize('classes', [CLASSES, WITH_REAL_NULL])
@pytest.mark.parametrize('window', [Box(0, 0, 12, 15), Box(-2, 1, 7, 20), Box(20, 20, 25, 30)])
def test_pixels_without_a_label_are_told_from_those_beyond_the_raster(
    write_tif, classes, window
) -> None:
    ids = np.where(np.eye(12, 15, dtype=bool), 255, IDS).astype(np.uint8)
    source = RasterioSource(write_tif('ids.tif', ids, nodata=255))
    labels = SemanticSegmentationLabelSource(source, classes, bbox=Box(0, 0, 30, 40))
    whole = np.ones((40, 60), dtype=bool)  # from (-5, -5)
    whole[5:17, 5:20] = ids != 255
    expected = whole[window.ymin + 5 : window.ymax + 5, window.xmin + 5 : window.xmax + 5]
    assert np.array_equal(labels.has_label(window), expected)
    filled = labels.get_label_arr(window)
    assert (filled[~expected] == classes.null_class_id).all()


def test_nodata_that_is_the_id_of_the_null_class_is_a_label(write_tif) -> None:
    source = RasterioSource(write_tif('ids.tif', IDS, nodata=0))
    labels = SemanticSegmentationLabelSource(source, WITH_REAL_NULL)
    assert labels.has_label(labels.extent).all()


@pytest.mark.parametrize(
    ('classes', 'count'), [(CLASSES, 0), (WITH_REAL_NULL, 1)], ids=['null', 'real']
)
def test_pixels_without_a_label_that_train_a_class_are_told_once(
    write_tif, caplog, classes, count
) -> None:
    ids = np.where(np.eye(12, 15, dtype=bool), 255, IDS).astype(np.uint8)
    labels = SemanticSegmentationLabelSource(
        RasterioSource(write_tif('ids.tif', ids, nodata=255)), classes
    )
    labels.get_label_arr(Box(0, 5, 3, 9))
    labels.get_label_arr(Box(12, 15, 20, 20))
    assert caplog.text == ''
    for _ in range(2):
        labels.get_label_arr()
    assert caplog.text.count('ids.tif has pixels without a label (nodata)') == count


def test_a_class_id_that_is_nodata_is_reported(write_tif, caplog) -> None:
    source = RasterioSource(write_tif('ids.tif', IDS, nodata=1))
    with caplog.at_level(logging.WARNING):
        labels = SemanticSegmentationLabelSource(source, CLASSES)
    assert "ids.tif declares 1 as nodata, which is the id of class 'b'" in caplog.text
    assert np.array_equal(labels.get_label_arr(), np.where(IDS == 1, 2, 0))


def test_a_real_class_can_be_the_null_class(write_tif) -> None:
    cfg = ClassConfig(names=['background', 'a'], null_class='background')
    source = RasterioSource(write_tif('ids.tif', IDS, nodata=0))
    assert np.array_equal(SemanticSegmentationLabelSource(source, cfg).get_label_arr(), IDS)


def test_without_null_class_pixels_outside_are_an_error(write_tif) -> None:
    cfg = ClassConfig(names=['a', 'b'])
    labels = SemanticSegmentationLabelSource(RasterioSource(write_tif('ids.tif', IDS)), cfg)
    with pytest.raises(ConfigError, match='no null class'):
        labels.get_label_arr(Box(-1, 0, 4, 4))


def test_colors_become_ids(write_tif) -> None:
    colors = np.array([(255, 0, 0), (0, 0, 128)], dtype=np.uint8)
    uri = write_tif('rgb.tif', colors[IDS].transpose(2, 0, 1))
    source = RasterioSource(uri, raster_transformers=[RGBClassTransformer(CLASSES)])
    assert np.array_equal(SemanticSegmentationLabelSource(source, CLASSES).get_label_arr(), IDS)


def test_several_channels_are_refused(write_tif) -> None:
    uri = write_tif('rgb.tif', np.stack([IDS] * 3))
    with pytest.raises(DataError, match=r'rgb\.tif gives 3 channels.*channel_order'):
        SemanticSegmentationLabelSource(RasterioSource(uri), CLASSES)
    one = RasterioSource(uri, channel_order=[1])
    assert np.array_equal(SemanticSegmentationLabelSource(one, CLASSES).get_label_arr(), IDS)


@pytest.mark.parametrize(('dtype', 'value'), [(np.uint8, 3), (np.uint8, 255), (np.int16, -1)])
def test_values_that_are_no_class_are_refused(write_tif, dtype, value) -> None:
    ids = IDS.astype(dtype)
    ids[5, 6] = value
    labels = SemanticSegmentationLabelSource(RasterioSource(write_tif('ids.tif', ids)), CLASSES)
    labels.get_label_arr(Box(0, 0, 5, 5))
    with pytest.raises(DataError, match=rf'ids\.tif: the label value {value} .*ids 0\.\.2'):
        labels.get_label_arr()


def test_a_given_bbox_is_used(write_tif) -> None:
    source = RasterioSource(write_tif('ids.tif', IDS))
    labels = SemanticSegmentationLabelSource(source, CLASSES, bbox=Box(2, 3, 8, 9))
    assert labels.extent == Box(0, 0, 6, 6)
    assert np.array_equal(labels.get_label_arr(), IDS[2:8, 3:9])


# ---- config


def test_config_takes_rasters_and_polygons() -> None:
    raster = SemanticSegmentationLabelSourceConfig(raster_source=RasterioSourceConfig(uris='x.tif'))
    polygons = SemanticSegmentationLabelSourceConfig(
        raster_source=RasterizedSourceConfig(
            vector_source=GeoJSONVectorSourceConfig(uris='x.json'),
            rasterizer_config=RasterizerConfig(background_class_id=1),
        )
    )
    for cfg in (raster, polygons):
        assert Config.from_dict(cfg.to_dict()) == cfg


def test_update_adds_what_polygons_need() -> None:
    cfg = SemanticSegmentationLabelSourceConfig(
        raster_source=RasterizedSourceConfig(
            vector_source=GeoJSONVectorSourceConfig(uris='x.json'),
            rasterizer_config=RasterizerConfig(background_class_id=1),
        )
    )
    cfg.update()
    first, *_ = cfg.raster_source.vector_source.transformers
    assert first == ClassInferenceTransformerConfig()


def test_config_builds_both(write_tif, write_geojson) -> None:
    ids = SemanticSegmentationLabelSourceConfig(
        raster_source=RasterioSourceConfig(uris=write_tif('ids.tif', IDS))
    ).build(CLASSES, IdentityCRSTransformer())
    assert np.array_equal(ids.get_label_arr(), IDS)
    ring = [[1, 1], [4, 1], [4, 3], [1, 3], [1, 1]]
    drawn = SemanticSegmentationLabelSourceConfig(
        raster_source=RasterizedSourceConfig(
            vector_source=GeoJSONVectorSourceConfig(
                uris=write_geojson('labels.json', [ring], {'class_id': 0})
            ),
            rasterizer_config=RasterizerConfig(background_class_id=1),
        )
    ).build(CLASSES, IdentityCRSTransformer(), Box(0, 0, 12, 15))
    expected = np.ones((12, 15))
    expected[1:3, 1:4] = 0
    assert np.array_equal(drawn.get_label_arr(), expected)


def test_the_rgb_classes_of_old_configs_become_a_transformer() -> None:
    classes = {'type_hint': 'class_config', 'names': ['a'], 'colors': ['red']}
    old = {
        'type_hint': 'semantic_segmentation_label_source',
        'raster_source': {'type_hint': 'rasterio_source', 'uris': 'x.tif'},
        'rgb_class_config': classes,
    }
    cfg = Config.from_dict(ss_label_source_config_upgrader(old, 3))
    assert cfg.raster_source.transformers == [
        RGBClassTransformerConfig(class_config=ClassConfig(names=['a'], colors=['red']))
    ]

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.features import rasterize
from rio_cogeo.cogeo import cog_validate
from unit.core.data.label_store.ss_store import (
    BBOX,
    CLASSES,
    EXTENT,
    UTM,
    files_in,
    polygons_in,
    store_at,
    write,
)

from rastervision.core.box import Box
from rastervision.core.data import (
    BuildingVectorOutputConfig,
    ClassConfig,
    IdentityCRSTransformer,
    PolygonVectorOutputConfig,
    RasterioCRSTransformer,
    SemanticSegmentationDiscreteLabels,
    SemanticSegmentationLabels,
    SemanticSegmentationLabelStoreConfig,
    SemanticSegmentationSmoothLabels,
)
from rastervision.core.data.label_store import vector_output as vo
from rastervision.pipeline.errors import ConfigError

# ---- rasters


@pytest.mark.parametrize('heights', [(7,), (16,), (1, 30), (40,)])
def test_labels_come_back(uri, scores, heights):
    store = store_at(uri, rasterio_block_size=16)
    write(store, scores, heights=heights)
    assert files_in(uri) == ['labels.tif']
    expected = scores.argmax(0)
    labels = store.get_labels()
    assert isinstance(labels, SemanticSegmentationDiscreteLabels)
    np.testing.assert_array_equal(labels.get_label_arr(EXTENT), expected)
    window = Box(3, 4, 20, 31)
    np.testing.assert_array_equal(store.get_label_arr(window), expected[window.to_slices()])


def test_the_class_raster_describes_itself(uri, scores):
    write(store_at(uri, rasterio_block_size=16), scores)
    with rasterio.open(f'{uri}/labels.tif') as raster:
        assert raster.dtypes == ('uint8',)
        assert raster.block_shapes == [(16, 16)]
        assert raster.compression.value == 'DEFLATE'
        assert raster.colormap(1)[0] == (255, 0, 0, 255)
        assert json.loads(raster.tags()['CLASS_NAMES']) == CLASSES.names
        assert raster.crs.to_epsg() == 32633
        # the upper left corner of the bbox
        assert raster.transform @ (0, 0) == UTM.transform @ (5, 3)


def test_rgb_labels_come_back(uri, scores):
    store = store_at(uri, save_as_rgb=True)
    write(store, scores)
    with rasterio.open(f'{uri}/labels.tif') as raster:
        colors = np.array(CLASSES.rgb_colors)[scores.argmax(0)]
        np.testing.assert_array_equal(raster.read(), colors.transpose(2, 0, 1))
    np.testing.assert_array_equal(store.get_labels().get_label_arr(EXTENT), scores.argmax(0))


@pytest.mark.parametrize(
    ('options', 'dtype', 'most'),
    [
        ({}, 'float32', 0),
        ({'smooth_as_uint8': True}, 'uint8', 0.5 / 255 + 1e-6),
        ({'smooth_dtype': 'uint8'}, 'uint8', 0.5 / 255 + 1e-6),
        ({'smooth_dtype': 'float16', 'smooth_as_uint8': True}, 'float32', 2**-12),  # by GDAL 3.10
    ],
)
def test_scores_come_back(uri, scores, options, dtype, most):
    store = store_at(uri, smooth_output=True, **options)
    write(store, scores)
    labels = store.get_labels()
    assert isinstance(labels, SemanticSegmentationSmoothLabels)
    assert np.abs(labels.get_score_arr(EXTENT) - scores).max() <= most
    with rasterio.open(f'{uri}/scores.tif') as raster:
        assert raster.descriptions == tuple(CLASSES.names)
        assert raster.dtypes[0] in {dtype, 'float16'}
    np.testing.assert_array_equal(
        store.get_discrete_labels().get_label_arr(EXTENT), scores.argmax(0)
    )


def test_four_uint8_scores_are_not_taken_for_a_picture(uri):
    classes = ClassConfig(names=list('abcd'))
    store = store_at(uri, class_config=classes, smooth_output=True, smooth_as_uint8=True)
    scores = np.full((4, 40, 50), 0.25, np.float32)
    scores[3] = 0
    write(store, scores)
    with rasterio.open(f'{uri}/scores.tif') as raster:
        assert rasterio.enums.ColorInterp.alpha not in raster.colorinterp
    got = store.get_score_arr(EXTENT)
    np.testing.assert_allclose(got, scores, atol=0.5 / 255)


def test_pixels_without_data_are_of_the_null_class(uri, scores):
    store = store_at(uri, smooth_output=True)
    valid = np.random.default_rng(1).random(EXTENT.size) < 0.7
    scores[:, ~valid] = np.nan
    write(store, scores, valid)
    labels = store.get_discrete_labels().get_label_arr(EXTENT)
    assert (labels[~valid] == 2).all()
    np.testing.assert_array_equal(labels[valid], scores[:, valid].argmax(0))
    got = store.get_score_arr(EXTENT)
    assert (got[2, ~valid] == 1).all()
    assert (got[:2, ~valid] == 0).all()


def test_an_image_without_georeference(uri, scores):
    store = store_at(
        uri,
        crs_transformer=IdentityCRSTransformer(),
        bbox=EXTENT,
        vector_outputs=[PolygonVectorOutputConfig(class_id=0, denoise=0)],
    )
    write(store, scores)
    np.testing.assert_array_equal(store.get_labels().get_label_arr(EXTENT), scores.argmax(0))


@pytest.mark.parametrize('rgb', [False, True])
def test_rasters_are_cloud_optimized(uri, rgb):
    bbox = Box(0, 0, 90, 130)
    options = {'save_as_rgb': rgb, 'smooth_output': True, 'rasterio_block_size': 32}
    store = store_at(uri, bbox=bbox, **options)
    scores = np.random.default_rng(0).random((3, 90, 130), dtype=np.float32)
    write(store, scores)
    for name in ('labels.tif', 'scores.tif'):
        assert cog_validate(f'{uri}/{name}', strict=True)[0]
    with rasterio.open(f'{uri}/labels.tif', overview_level=0) as overview:
        colors = np.array(CLASSES.rgb_colors)[scores.argmax(0)].transpose(2, 0, 1)
        expected = colors if rgb else scores.argmax(0)[None]
        np.testing.assert_array_equal(overview.read(), expected[:, ::2, ::2])
        if not rgb:
            assert overview.colormap(1)[1] == (0, 128, 0, 255)


# ---- vector outputs


def test_polygons_cover_the_pixels_of_their_class(uri, scores, tmp_path):
    store = store_at(uri, vector_outputs=[PolygonVectorOutputConfig(class_id=1, denoise=0)])
    write(store, scores)
    features, polygons = polygons_in(tmp_path / 'a scène' / 'vector_output' / 'class-1-tree.json')
    assert features[0]['properties'] == {'class_id': 1, 'class_name': 'tree'}
    # in EPSG:4326, and back again to pixels of the extent
    in_pixels = RasterioCRSTransformer(UTM.transform, 'EPSG:32633', round_pixels=False)
    polygons = in_pixels.map_to_pixel(polygons, bbox=BBOX)
    drawn = rasterize(polygons, EXTENT.size)
    np.testing.assert_array_equal(drawn, scores.argmax(0) == 1)
    assert shapely.area(polygons).sum() == pytest.approx((scores.argmax(0) == 1).sum())


def areas(uri, name):
    (path,) = Path(uri).rglob(name)
    to_pixels = RasterioCRSTransformer(UTM.transform, 'EPSG:32633', round_pixels=False)
    return shapely.area(to_pixels.map_to_pixel(polygons_in(path)[1], bbox=BBOX)).sum()


@pytest.mark.parametrize(
    ('smooth', 'threshold', 'least'),
    [(False, 0.5, 0.5), (True, None, 1 / 3), (True, 0.6, 0.6)],
)
def test_thresholds(uri, scores, smooth, threshold, least):
    output = PolygonVectorOutputConfig(class_id=0, denoise=0, threshold=threshold)
    expected = (scores[0] >= least).sum()
    write(store_at(uri, smooth_output=smooth, vector_outputs=[output]), scores)
    assert areas(uri, 'class-0-house.json') == pytest.approx(expected)
    if smooth:
        labels = SemanticSegmentationLabels.make_empty(EXTENT, 3, smooth=True)
        labels[EXTENT] = scores
        store_at(f'{uri}/2', smooth_output=True, vector_outputs=[output]).save(labels)
        assert areas(f'{uri}/2', 'class-0-house.json') == pytest.approx(expected)


def test_a_class_without_pixels_gives_an_empty_file(uri, scores, tmp_path):
    store = store_at(uri, vector_outputs=[BuildingVectorOutputConfig(class_id=2)])
    scores[2] = 0
    write(store, scores)
    features, _ = polygons_in(tmp_path / 'a scène' / 'vector_output' / 'class-2-null.json')
    assert features == []


# ---- save


@pytest.mark.parametrize('smooth', [False, True])
def test_saving_labels_writes_what_streaming_writes(uri, scores, smooth):
    outputs = [
        PolygonVectorOutputConfig(class_id=0, denoise=3),
        BuildingVectorOutputConfig(class_id=1, denoise=2),
    ]
    options = {'smooth_output': smooth, 'vector_outputs': outputs}
    write(store_at(f'{uri}/streamed', **options), scores)
    labels = SemanticSegmentationLabels.make_empty(EXTENT, 3, smooth=smooth)
    labels[EXTENT] = scores if smooth else scores.argmax(0)
    store_at(f'{uri}/saved', **options).save(labels)
    streamed, saved = files_in(f'{uri}/streamed'), files_in(f'{uri}/saved')
    assert streamed == saved
    assert len(saved) == 3 + smooth
    for name in saved:
        both = [(Path(uri) / way / name).read_bytes() for way in ('streamed', 'saved')]
        assert both[0] == both[1], name


def test_labels_save_themselves(uri, scores):
    labels = SemanticSegmentationLabels.make_empty(EXTENT, 3)
    labels[EXTENT] = scores.argmax(0)
    outputs = [PolygonVectorOutputConfig(class_id=0)]
    labels.save(uri, UTM, CLASSES, raster_output=False, vector_outputs=outputs)
    assert files_in(uri) == ['vector_output/class-0-house.json']
    smooth = SemanticSegmentationLabels.make_empty(EXTENT, 3, smooth=True)
    smooth[EXTENT] = scores
    smooth.save(f'{uri}/2', UTM, CLASSES, smooth_as_uint8=True, profile_overrides={'tiled': False})
    assert files_in(f'{uri}/2') == ['labels.tif', 'scores.tif']
    with rasterio.open(f'{uri}/2/labels.tif') as raster:
        assert not raster.profile['tiled']


def test_pixels_without_label_need_a_null_class(uri):
    labels = SemanticSegmentationLabels.make_empty(EXTENT, 2)
    labels[Box(0, 0, 40, 49)] = np.ones((40, 49), int)
    labels.save(uri, UTM, CLASSES)
    with rasterio.open(f'{uri}/labels.tif') as raster:
        assert (raster.read(1)[:, 49] == 2).all()
    with pytest.raises(ConfigError, match='null_class'):
        labels.save(uri, UTM, ClassConfig(names=['a', 'b']))


# ---- config


def test_config_fills_its_uri_and_builds():
    class Named:
        predict_uri = 'out/predict'
        id = 'scene-1'

    config = SemanticSegmentationLabelStoreConfig(rgb=True, smooth_output=True)
    config.update(pipeline=Named(), scene=Named())
    assert config.uri == 'out/predict/scene-1'
    store = config.build(ClassConfig(names=['a']), UTM, BBOX)
    assert store.label_uri == 'out/predict/scene-1/labels.tif'
    assert store.score_uri == 'out/predict/scene-1/scores.tif'
    assert store.vector_output_uri == 'out/predict/scene-1/vector_output'
    assert (store.save_as_rgb, store.smooth_output, store.rasterio_block_size) == (True, True, 256)
    assert store.class_config.null_class == 'null'
    assert store.bbox == BBOX


def test_config_errors():
    with pytest.raises(ConfigError, match='uri of the label store is not set'):
        SemanticSegmentationLabelStoreConfig().build(CLASSES, UTM)
    config = SemanticSegmentationLabelStoreConfig(
        uri='x', vector_output=[PolygonVectorOutputConfig(class_id=7)]
    )
    with pytest.raises(ConfigError, match=r'class_id=7.*house'):
        config.build(CLASSES, UTM)
    with pytest.raises(ConfigError, match='rasterio_block_size'):
        SemanticSegmentationLabelStoreConfig(rasterio_block_size=100)


@pytest.mark.parametrize('version', [6, 8])
def test_vector_outputs_of_older_releases_load(version):
    old = {
        'type_hint': 'building_vector_output',
        'class_id': 1,
        'uri': 'somewhere.json',
        'plugin_version': version,
        'min_area': 3.0,
    }
    if version == 6:
        old['min_aspect_ratio'] = 1.618
    for v in range(version, 14):
        old = vo.building_vo_config_upgrader(vo.vo_config_upgrader(old, v), v)
    del old['plugin_version'], old['type_hint']
    assert BuildingVectorOutputConfig(**old).min_area == 3.0

import pickle

import numpy as np
import pytest
from rasterio.features import rasterize

from rastervision.core.box import Box
from rastervision.core.data import (
    BufferTransformer,
    ClassConfig,
    ClassInferenceTransformer,
    ClassInferenceTransformerConfig,
    GeoJSONVectorSource,
    GeoJSONVectorSourceConfig,
    RasterioSource,
    RasterizedSource,
    RasterizedSourceConfig,
    RasterizerConfig,
)
from rastervision.core.data.raster_source.rasterized_source import geoms_to_raster
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError, DataError

CLASSES = ClassConfig(names=['a', 'b', 'c', 'null'])
SIZE = 80


@pytest.fixture
def image(write_tif):
    return RasterioSource(write_tif('image.tif', np.zeros((SIZE, SIZE), dtype=np.uint8)))


@pytest.fixture
def source(image, write_geojson, box_ring):
    rng = np.random.default_rng(0)
    rings, rows = [], []
    for y, x, h, w in rng.uniform((-10, -10, 3, 3), (SIZE, SIZE, 25, 25), (30, 4)).tolist():
        ring = np.array(box_ring(y, x, y + h, x + w))
        ring[:-1] += rng.uniform(-4, 4, (4, 2))
        ring[-1] = ring[0]
        rings.append(ring.tolist())
        rows.append({'class_id': len(rings) % 3})
    uri = write_geojson('labels.json', rings, rows, crs='EPSG:32633')
    return GeoJSONVectorSource(uri, image.crs_transformer)


@pytest.mark.parametrize('all_touched', [False, True])
def test_it_is_what_rasterio_draws_of_everything(source, image, all_touched) -> None:
    labels = RasterizedSource(source, 3, bbox=image.bbox, all_touched=all_touched)
    features = source.features
    shapes = zip(features.geoms, features.column('class_id'), strict=True)
    expected = rasterize(list(shapes), (SIZE, SIZE), fill=3, all_touched=all_touched, dtype='uint8')
    assert np.array_equal(labels.get_chip(labels.extent)[..., 0], expected)
    assert labels.shape == (SIZE, SIZE, 1)
    assert labels.dtype == np.uint8


def test_windows_are_cut_outs_of_the_whole(source, image) -> None:
    labels = RasterizedSource(source, 3, bbox=image.bbox)
    whole = labels.get_chip(labels.extent)
    for window in labels.extent.get_windows(20, 17, padding=0):
        ys, xs = window.to_slices()
        assert np.array_equal(labels.get_chip(window), whole[ys, xs])


def test_a_bbox_moves_the_frame(source, image) -> None:
    whole = RasterizedSource(source, 3, bbox=image.bbox).get_chip(Box(0, 0, SIZE, SIZE))
    part = RasterizedSource(source, 3, bbox=Box(20, 30, 60, 70))
    assert np.array_equal(part.get_chip(part.extent), whole[20:60, 30:70])
    part.set_bbox(Box(0, 5, 10, 15))
    assert np.array_equal(part.get_chip(part.extent), whole[0:10, 5:15])


def test_outside_of_the_extent_polygons_are_drawn_but_not_valid(source) -> None:
    part = RasterizedSource(source, 3, bbox=Box(20, 20, 40, 40))
    beyond = Box(-10, -10, 30, 30)
    chip = part.read(beyond)
    whole = RasterizedSource(source, 3, bbox=Box(10, 10, 50, 50))
    assert np.array_equal(chip.pixels, whole.get_chip(whole.extent))
    assert np.array_equal(part.get_raw_chip(beyond), chip.pixels)
    expected = np.zeros((40, 40), dtype=bool)
    expected[10:30, 10:30] = True
    assert np.array_equal(chip.valid, expected)


def test_another_resolution(source, image) -> None:
    labels = RasterizedSource(source, 3, bbox=image.bbox)
    assert labels.get_chip(Box(0, 0, 40, 40), out_shape=(20, 10)).shape == (20, 10, 1)
    chip = labels.read(Box(-20, 0, 20, 40), out_shape=(20, 20))
    assert not chip.valid[:10].any()
    assert chip.valid[10:].all()


def test_without_a_bbox_the_extent_is_that_of_the_polygons(source) -> None:
    assert RasterizedSource(source, 3).bbox == source.bbox


def test_nothing_to_draw_is_background(image, write_geojson) -> None:
    source = GeoJSONVectorSource(write_geojson('none.json', []), image.crs_transformer)
    labels = RasterizedSource(source, 2, bbox=image.bbox)
    assert (labels.get_chip(labels.extent) == 2).all()


def test_tables_are_drawn_alike(source, image) -> None:
    labels = RasterizedSource(source, 3, bbox=image.bbox)
    window = Box(5, 5, 45, 45)
    drawn = geoms_to_raster(source.get_dataframe(), window, 3, all_touched=False)
    assert np.array_equal(drawn, labels.get_chip(window)[..., 0])
    labels.validate_labels(source.get_dataframe())
    with pytest.raises(DataError, match='without class_id'):
        labels.validate_labels(source.get_dataframe().drop(columns='class_id'))


def test_it_can_be_pickled(source, image) -> None:
    labels = RasterizedSource(source, 3, bbox=image.bbox)
    copy = pickle.loads(pickle.dumps(labels))
    assert np.array_equal(copy.get_chip(copy.extent), labels.get_chip(labels.extent))


def test_features_need_classes(image, write_geojson, box_ring) -> None:
    uri = write_geojson('labels.json', [box_ring(0, 0, 4, 4)], crs='EPSG:32633')
    with pytest.raises(DataError, match=r'labels\.json: there are features without class_id'):
        RasterizedSource(GeoJSONVectorSource(uri, image.crs_transformer), 0)


def test_class_ids_must_fit(image, write_geojson, box_ring) -> None:
    uri = write_geojson('labels.json', [box_ring(0, 0, 4, 4)], {'class_id': 256}, 'EPSG:32633')
    with pytest.raises(DataError, match=r'labels\.json: the class_id 256 is not in 0\.\.255'):
        RasterizedSource(GeoJSONVectorSource(uri, image.crs_transformer), 0)


def test_lines_need_a_buffer(image, write_geojson) -> None:
    line = {'type': 'LineString', 'coordinates': [[500_010, 4_999_990], [500_010, 4_999_970]]}
    uri = write_geojson('roads.json', [line], {'class_id': 1}, 'EPSG:32633')
    with pytest.raises(DataError, match=r'roads\.json: only polygons .* LINESTRING.*buffer'):
        RasterizedSource(GeoJSONVectorSource(uri, image.crs_transformer), 0)
    wide = GeoJSONVectorSource(
        uri, image.crs_transformer, [BufferTransformer('LineString', {1: 2.0})]
    )
    drawn = RasterizedSource(wide, 0, bbox=image.bbox).get_chip(image.extent)[..., 0]
    assert drawn[12:28, 8:12].all()
    assert drawn.sum() == pytest.approx(20 * 4 + np.pi * 4, abs=6)


# ---- config


def make_config(uri, background=1):
    return RasterizedSourceConfig(
        vector_source=GeoJSONVectorSourceConfig(
            uris=uri, transformers=[ClassInferenceTransformerConfig(default_class_id=0)]
        ),
        rasterizer_config=RasterizerConfig(background_class_id=background),
    )


def test_config_round_trip_and_build(image, write_geojson, box_ring) -> None:
    uri = write_geojson('labels.json', [box_ring(2, 3, 4, 5)], crs='EPSG:32633')
    cfg = make_config(uri)
    cfg.update()
    assert [t.type_hint for t in cfg.vector_source.transformers] == [
        'class_inference_transformer',
        'buffer_transformer',
        'buffer_transformer',
    ]
    assert Config.from_dict(cfg.to_dict()) == cfg
    labels = cfg.build(CLASSES, image.crs_transformer, image.bbox)
    assert labels.bbox == image.bbox
    drawn = labels.get_chip(image.extent)[..., 0]
    assert (drawn == 0).sum() == 4
    assert (drawn[2:4, 3:5] == 0).all()


def test_the_background_must_be_a_class(image) -> None:
    with pytest.raises(ConfigError, match=r'background_class_id.*no class 7; .* 0 \w+, 1 \w+, '):
        make_config('x.json', background=7).build(CLASSES, image.crs_transformer)
    with pytest.raises(ConfigError, match='background_class_id'):
        RasterizerConfig(background_class_id=-1)


def test_an_inference_of_names_is_enough(image, write_geojson, box_ring) -> None:
    uri = write_geojson('labels.json', [box_ring(2, 3, 4, 5)], {'label': 'c'}, 'EPSG:32633')
    source = GeoJSONVectorSource(
        uri, image.crs_transformer, [ClassInferenceTransformer(None, CLASSES)]
    )
    assert RasterizedSource(source, 0, bbox=image.bbox).get_chip(Box(2, 3, 3, 4)).item() == 2

"""What the stores of cells, values and boxes have in common: the coordinates of their files."""

import json

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationGeoJSONStoreConfig,
    ChipClassificationLabels,
    ChipRegressionGeoJSONStoreConfig,
    ChipRegressionLabels,
    ClassConfig,
    IdentityCRSTransformer,
    ObjectDetectionGeoJSONStoreConfig,
    ObjectDetectionLabels,
    RasterioCRSTransformer,
)
from rastervision.core.data.utils.label_geojson import boxes_to_geojson
from rastervision.pipeline.errors import ConfigError

CLASSES = ClassConfig(names=['a', 'b'])
BBOX = Box(10, 20, 370, 380)
POLE = Affine(1000, 0, -200_000, 0, -1000, 200_000)
IMAGES = {
    'pole in the middle of a cell': ('EPSG:3031', POLE),
    'pole on an edge of cells': ('EPSG:3031', POLE @ Affine.translation(25, 10)),
    'pole at a corner of cells': ('EPSG:3413', POLE @ Affine.translation(0, 10)),
    'UTM 1': ('EPSG:32601', Affine(100, 0, 166_021 - 20_000, 0, -100, 1_000_000)),
    'no EPSG code': ('+proj=laea +lat_0=-80 +lon_0=170', POLE),
}
CELLS = Box(0, 0, 360, 360).get_windows(60, 30)


def cells():
    scores = np.random.default_rng(0).random((len(CELLS), 2))
    return ChipClassificationLabels.from_predictions(CELLS, scores)


def values():
    numbers = np.random.default_rng(0).random((len(CELLS), 2))
    return ChipRegressionLabels.from_predictions(CELLS, numbers)


def boxes():
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 360, (2, 100, 2)), axis=0)
    return ObjectDetectionLabels(np.hstack(corners), rng.integers(0, 2, 100), rng.random(100))


STORES = {
    'cells': (ChipClassificationGeoJSONStoreConfig, cells),
    'values': (ChipRegressionGeoJSONStoreConfig, values),
    'boxes': (ObjectDetectionGeoJSONStoreConfig, boxes),
}


def rows(labels):
    """Everything that labels say, as numbers."""
    if isinstance(labels, ObjectDetectionLabels):
        columns = [labels.get_npboxes(), labels.get_class_ids(), labels.get_scores()]
    elif isinstance(labels, ChipRegressionLabels):
        columns = [labels.cells, labels.values]
    else:
        columns = [labels.cells, labels.class_ids, labels.scores]
    return np.column_stack(columns)


def store_of(kind, path, crs, transformer):
    config = STORES[kind][0](uri=str(path), crs=crs)
    return config.build(CLASSES, transformer, BBOX)


@pytest.mark.parametrize('crs', ['wgs84', 'image'])
@pytest.mark.parametrize('image', IMAGES)
@pytest.mark.parametrize('kind', STORES)
def test_all_come_back_from_the_antimeridian_and_the_poles(tmp_path, kind, image, crs):
    image_crs, transform = IMAGES[image]
    store = store_of(kind, tmp_path / 'p.json', crs, RasterioCRSTransformer(transform, image_crs))
    labels = STORES[kind][1]()
    store.save(labels)
    np.testing.assert_allclose(rows(store.get_labels()), rows(labels), atol=1e-5)


@pytest.mark.parametrize('suffix', ['gpkg', 'parquet'])
def test_in_other_formats_too(tmp_path, suffix):
    transformer = RasterioCRSTransformer(POLE, 'EPSG:3031')
    for kind, crs in (('cells', 'wgs84'), ('boxes', 'image')):
        store = store_of(kind, tmp_path / f'{kind}.{suffix}', crs, transformer)
        labels = STORES[kind][1]()
        store.save(labels)
        np.testing.assert_allclose(rows(store.get_labels()), rows(labels), atol=1e-5)


@pytest.mark.parametrize('kind', STORES)
def test_coordinates_are_in_the_crs_that_was_chosen(tmp_path, kind):
    transformer = RasterioCRSTransformer(Affine(10, 0, 500_000, 0, -10, 4_000_000), 'EPSG:32633')
    found = {}
    for crs in ('wgs84', 'image'):
        path = tmp_path / f'{crs}.json'
        store = store_of(kind, path, crs, transformer)
        store.save(STORES[kind][1](), key='abc')
        assert store.is_predicted('abc')
        assert not store.is_predicted('other')
        document = json.loads(path.read_text())
        (ring,) = document['features'][0]['geometry']['coordinates']
        found[crs] = np.array(ring), document.get('crs')
    (degrees, no_member), (metres, member) = found['wgs84'], found['image']
    assert no_member is None  # the default of GeoJSON
    assert CRS(member['properties']['name']) == CRS('EPSG:32633')
    assert np.ptp(metres, axis=0).max() > 10
    x, y = transformer.variant('EPSG:32633').map_to_pixel(tuple(metres.T))
    np.testing.assert_array_equal([x, y], transformer.map_to_pixel(tuple(degrees.T)))


def test_an_image_without_georeference_has_pixels_in_either(tmp_path):
    for crs in ('wgs84', 'image'):
        store = store_of('cells', tmp_path / f'{crs}.json', crs, IdentityCRSTransformer())
        store.save(cells())
        assert store.get_labels() == cells()
    assert (tmp_path / 'wgs84.json').read_bytes() == (tmp_path / 'image.json').read_bytes()


@pytest.mark.parametrize('kind', STORES)
def test_longitudes_and_latitudes_unless_told_otherwise(kind):
    assert STORES[kind][0]().crs == 'wgs84'
    with pytest.raises(ConfigError, match='crs'):
        STORES[kind][0](crs='EPSG:32633')


def test_dicts_are_cut_as_files_are(tmp_path):
    transformer = RasterioCRSTransformer(POLE, 'EPSG:3031')
    store = store_of('cells', tmp_path / 'p.json', 'wgs84', transformer)
    store.save(cells())
    geojson = boxes_to_geojson(CELLS, cells().get_class_ids(), transformer, CLASSES, bbox=BBOX)
    written = json.loads((tmp_path / 'p.json').read_text())['features']
    as_lists = json.loads(json.dumps([feature['geometry'] for feature in geojson['features']]))
    assert as_lists == [feature['geometry'] for feature in written]
    assert any(geometry['type'] == 'MultiPolygon' for geometry in as_lists)

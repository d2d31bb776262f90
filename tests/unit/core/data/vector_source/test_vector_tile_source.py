"""Features behind vector tiles land where they were before they were cut."""

import gzip
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Transformer

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformer,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
    VectorFileSource,
    VectorTileSource,
    VectorTileSourceConfig,
    VectorTransformer,
)
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pipeline.file_system import cache

ZOOM = 14
SIZE = 2 * 20_037_508.342789244 / 2**ZOOM
# an image of 400 x 400 pixels of 10 m around the corner of four tiles
CORNER = (100 * SIZE, 50 * SIZE)
IMAGE = RasterioCRSTransformer(
    Affine(10, 0, CORNER[0] - 2000, 0, -10, CORNER[1] + 2000), 'EPSG:3857'
)
EXTENT = Box(0, 0, 400, 400)
IN_IMAGE = shapely.box(0, 0, 400, 400)
PIXELS = [
    shapely.box(150, 160, 250, 260),  # in all four tiles
    shapely.box(10, 10, 30, 20),
    shapely.box(300, 390, 310, 500),  # reaches out of the image
    shapely.box(-200, -200, -150, -150),  # outside, in the same tile as another
]


def to_map(geoms) -> geopandas.GeoSeries:
    moved = shapely.transform(
        np.array(geoms, dtype=object),
        lambda xy: np.array([CORNER[0] - 2000, CORNER[1] + 2000]) + xy * [10, -10],
    )
    return geopandas.GeoSeries(moved, crs='EPSG:3857')


@pytest.fixture(scope='module')
def table() -> geopandas.GeoDataFrame:
    rows = {'@id': [11, 12, 13, 14], 'building': ['yes', None, 'yes', 'yes']}
    return geopandas.GeoDataFrame(rows, geometry=to_map(PIXELS))


@pytest.fixture(scope='module')
def mbtiles(table, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp('tiles') / 'labels.mbtiles'
    zooms = {'MINZOOM': ZOOM - 1, 'MAXZOOM': ZOOM}
    table.to_file(path, driver='MBTILES', layer='buildings', **zooms)
    return str(path)


@pytest.fixture(scope='module')
def template(table, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp('tiles') / 'mvt'
    table.to_file(folder, driver='MVT', layer='buildings', MINZOOM=ZOOM, MAXZOOM=ZOOM)
    return f'{folder}/{{z}}/{{x}}/{{y}}.pbf'


def check(source: VectorTileSource) -> None:
    features = source.get_features()
    ids = features.column('@id')
    assert sorted(ids) == [11, 12, 13]
    for id_, whole in zip(ids, features.geoms, strict=True):
        # tiles beyond the image are not read
        geom, expected = whole & IN_IMAGE, PIXELS[id_ - 11] & IN_IMAGE
        # a tile has 4096 steps, of 0.06 pixels
        assert geom.symmetric_difference(expected).area < 0.06 * expected.length + 0.1
        assert geom.geom_type == 'Polygon'


def test_an_mbtiles_file_gives_the_features(mbtiles) -> None:
    check(VectorTileSource(mbtiles, IMAGE, bbox=EXTENT))
    check(VectorTileSource(mbtiles, IMAGE, bbox=EXTENT, zoom=ZOOM, layers=['buildings']))
    assert len(VectorTileSource(mbtiles, IMAGE).get_features()) == 4


def test_a_template_gives_the_features(template) -> None:
    check(VectorTileSource(template, IMAGE, bbox=EXTENT, zoom=ZOOM))


def test_tiles_of_a_web_server_need_not_be_compressed(template, tmp_path, monkeypatch) -> None:
    class Tiles(SimpleHTTPRequestHandler):
        def do_GET(self):
            path = Path(self.translate_path(self.path))
            self.send_response(200 if path.is_file() else 404)
            self.end_headers()
            if path.is_file():
                self.wfile.write(gzip.decompress(path.read_bytes()))

        def log_message(self, *args):
            pass

    monkeypatch.setattr(cache, 'cache_dir', lambda: str(tmp_path))
    folder = template.partition('/{z}')[0]
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Tiles, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        uri = f'http://127.0.0.1:{server.server_port}/{{z}}/{{x}}/{{y}}.pbf'
        check(VectorTileSource(uri, IMAGE, bbox=EXTENT, zoom=ZOOM))
        server.shutdown()


def test_without_id_field_parts_stay_apart(mbtiles) -> None:
    source = VectorTileSource(mbtiles, IMAGE, bbox=EXTENT, id_field=None)
    assert source.get_features().column('@id').count(11) == 4


def test_a_missing_property_is_missing(mbtiles) -> None:
    inference = ClassInferenceTransformer(None, None, {0: ['has', 'building']})
    source = VectorTileSource(mbtiles, IMAGE, [inference], EXTENT)
    assert sorted(source.get_features().column('@id')) == [11, 13]


def test_tiles_that_do_not_exist_have_no_features(template) -> None:
    for path in Path(template.partition('/{z}')[0]).rglob('*.pbf'):
        tile = tuple(int(part) for part in path.with_suffix('').parts[-3:])
        if tile == (ZOOM, 2**ZOOM // 2 + 99, 2**ZOOM // 2 - 51):
            content = path.read_bytes()
            path.unlink()
            source = VectorTileSource(template, IMAGE, bbox=EXTENT, zoom=ZOOM)
            assert sorted(source.get_features().column('@id')) == [11, 13]
            path.write_bytes(content)
            return
    pytest.fail('there is no such tile')


def test_an_image_where_no_tile_exists_is_refused(template) -> None:
    far = RasterioCRSTransformer(Affine(10, 0, 0, 0, -10, 0), 'EPSG:3857')
    with pytest.raises(DataError, match=r'None of the \d+ vector tiles of zoom=14'):
        VectorTileSource(template, far, bbox=EXTENT, zoom=ZOOM).get_features()


def test_a_template_needs_zoom_and_bbox(template) -> None:
    with pytest.raises(ConfigError, match='need zoom'):
        VectorTileSource(template, IMAGE, bbox=EXTENT)
    with pytest.raises(ConfigError, match='need bbox'):
        VectorTileSource(template, IMAGE, zoom=ZOOM)
    with pytest.raises(ConfigError, match='needs zoom'):
        VectorTileSourceConfig(uri=template)


def test_transformers_of_unknown_reach_are_refused_for_templates(template) -> None:
    class Other(VectorTransformer):
        def transform(self, geojson, crs_transformer=None):
            return geojson

    source = VectorTileSource(template, IMAGE, [Other()], EXTENT, ZOOM)
    with pytest.raises(ConfigError, match=r'reach\(\)'):
        source.get_features()


def test_a_zoom_that_is_not_there_is_refused(mbtiles) -> None:
    with pytest.raises(ConfigError, match='no tiles of zoom=3; it has 13, 14'):
        VectorTileSource(mbtiles, IMAGE, zoom=3).get_features()


def test_a_layer_that_is_not_there_is_refused(mbtiles) -> None:
    with pytest.raises(ConfigError, match=r"no layer 'building', .* Did you mean buildings\?"):
        VectorTileSource(mbtiles, IMAGE, layers=['building']).get_features()


def test_messages_name_the_template_not_every_tile(template) -> None:
    source = VectorTileSource(template, IMAGE, bbox=EXTENT, zoom=ZOOM)
    assert source.features.origin == template


def test_other_files_are_refused(tmp_path) -> None:
    path = tmp_path / 'labels.mbtiles'
    path.write_bytes(b'no database, but some text that is long enough')
    with pytest.raises(DataError, match='is damaged, or no MBTiles file'):
        VectorTileSource(str(path), IMAGE).get_features()


def test_pixels_without_georeference_are_refused(mbtiles) -> None:
    with pytest.raises(DataError, match='no georeference'):
        VectorTileSource(mbtiles, IdentityCRSTransformer(), bbox=EXTENT).get_features()


def test_the_config_builds_the_source(template) -> None:
    config = VectorTileSourceConfig(uri=template, zoom=ZOOM)
    classes = ClassConfig(names=['a', 'b', 'null'])
    check(config.build(classes, IMAGE, EXTENT))
    assert Config.from_dict(config.to_dict()) == config


def test_tiles_that_lie_elsewhere_are_refused(mbtiles) -> None:
    far = RasterioCRSTransformer(Affine(10, 0, 0, 0, -10, 0), 'EPSG:3857')
    source = VectorTileSource(mbtiles, far, bbox=EXTENT)
    assert len(source.features) == 0
    with pytest.raises(DataError, match=r'labels\.mbtiles does not overlap its image'):
        assert source.features_bbox


def test_a_layer_of_a_similar_name_is_refused(template, caplog) -> None:
    def features(layer):
        source = VectorTileSource(template, IMAGE, bbox=EXTENT, zoom=ZOOM, layers=[layer])
        return source.features

    with pytest.raises(ConfigError, match=r"no layer 'building', .* Did you mean buildings\?"):
        features('building')
    assert len(features('water')) == 0  # may well be missing in some places
    assert "no tile at the image has the layer 'water'" in caplog.text


def test_features_that_stay_cut_are_told(mbtiles, caplog) -> None:
    VectorTileSource(mbtiles, IMAGE, bbox=EXTENT, id_field='osm_id').get_features()
    assert "no feature has the property 'osm_id'" in caplog.text
    caplog.clear()
    VectorTileSource(mbtiles, IMAGE, bbox=EXTENT).get_features()
    VectorTileSource(mbtiles, IMAGE, bbox=EXTENT, id_field=None).get_features()
    assert not caplog.text
    VectorFileSource(mbtiles, IMAGE, bbox=EXTENT).get_features()
    assert 'vector_tile_source puts the parts together' in caplog.text


def test_an_image_across_the_antimeridian_has_tiles_on_both_sides(tmp_path) -> None:
    boxes = [shapely.box(179.99, 16, 180, 16.01), shapely.box(-180, 16, -179.99, 16.01)]
    table = geopandas.GeoDataFrame({'@id': [1, 2]}, geometry=boxes, crs='EPSG:4326')
    table.to_crs('EPSG:3857').to_file(tmp_path / 'mvt', driver='MVT', MINZOOM=ZOOM, MAXZOOM=ZOOM)
    x, y = Transformer.from_crs(4326, 32601, always_xy=True).transform(180, 16)
    image = RasterioCRSTransformer(Affine(10, 0, x - 2000, 0, -10, y + 2000), 'EPSG:32601')
    uri = f'{tmp_path}/mvt/{{z}}/{{x}}/{{y}}.pbf'
    source = VectorTileSource(uri, image, bbox=EXTENT, zoom=ZOOM)
    assert sorted(source.get_features().column('@id')) == [1, 2]

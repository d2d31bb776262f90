"""Features of files of any format on the pixels of an image, read around the image only."""

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data import (
    BufferTransformer,
    BufferTransformerConfig,
    ClassConfig,
    ClassInferenceTransformer,
    ClassInferenceTransformerConfig,
    GeoJSONVectorSource,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
    RasterioSource,
    RasterizedSource,
    RasterizedSourceConfig,
    RasterizerConfig,
    Scene,
    SemanticSegmentationLabelSource,
    ShiftTransformer,
    VectorFileSource,
    VectorFileSourceConfig,
    VectorTransformer,
)
from rastervision.core.data.vector_source import vector_file_source
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError, DataError

CLASSES = ClassConfig(names=['a', 'b', 'null'])
IMAGE = RasterioCRSTransformer(Affine(1, 0, 500_000, 0, -1, 5_000_000), 'EPSG:32633')
EXTENT = Box(0, 0, 100, 100)
PIXELS = [shapely.box(x, x, x + 4.25, x + 4.5) for x in (-300, -20, 0, 50, 98, 130, 400)]


def table(crs: str = 'EPSG:32633') -> geopandas.GeoDataFrame:
    geoms = shapely.transform(np.array(PIXELS), lambda xy: [500_000, 5_000_000] + xy * [1, -1])
    rows = {'class_id': [i % 2 for i in range(len(geoms))]}
    return geopandas.GeoDataFrame(rows, geometry=geoms, crs='EPSG:32633').to_crs(crs)


@pytest.fixture(params=['gpkg', 'fgb', 'shp', 'parquet'])
def uri(request, tmp_path) -> str:
    path = tmp_path / f'labels.{request.param}'
    if request.param == 'parquet':
        pytest.importorskip('pyarrow')
        table('EPSG:3857').to_parquet(path)
    else:
        table('EPSG:3857').to_file(path)
    return str(path)


def lefts(source) -> list[int]:
    return sorted(round(x) for x, *_ in shapely.bounds(source.features.geoms).tolist())


def test_coordinates_are_exact_and_in_any_crs(uri) -> None:
    source = VectorFileSource(uri, IMAGE)
    order = np.argsort(shapely.bounds(source.features.geoms)[:, 0])
    placed = shapely.normalize(source.features.geoms[order])
    assert shapely.equals_exact(placed, shapely.normalize(PIXELS), tolerance=1e-4).all()


def test_only_what_is_near_the_bbox_is_read(uri) -> None:
    assert lefts(VectorFileSource(uri, IMAGE, bbox=EXTENT)) == [0, 50, 98]
    assert len(VectorFileSource(uri, IMAGE).features) == len(PIXELS)
    found = VectorFileSource(uri, IMAGE, bbox=EXTENT).get_geoms(Box(40, 40, 60, 60))
    assert [round(geom.bounds[0]) for geom in found] == [50]


def test_transformers_that_reach_far_read_more(uri) -> None:
    inference = ClassInferenceTransformer(0)
    buffer = BufferTransformer('Polygon', default_buf=20)
    grown = VectorFileSource(uri, IMAGE, [inference, buffer], EXTENT)
    assert {-40, -20, 30, 78} <= {*lefts(grown)}
    shift = ShiftTransformer(x_shift=-40, round_pixels=False)
    shifted = VectorFileSource(uri, IMAGE, [shift], EXTENT).get_geoms()
    # x and y are the same in pixels, so 130 lands at (90, 130), outside; 50 at (10, 50)
    assert sorted(round(geom.bounds[0]) for geom in shifted) == [10, 58]


def test_a_transformer_of_unknown_reach_gets_all_features(uri) -> None:
    class Other(VectorTransformer):
        def transform(self, geojson, crs_transformer=None):
            return geojson

    assert len(VectorFileSource(uri, IMAGE, [Other()], EXTENT).features) == len(PIXELS)


def test_labels_are_read_around_their_image_only(uri, monkeypatch) -> None:
    read = []

    def spy(*args):
        read.append(real(*args))
        return read[-1]

    real = vector_file_source.read_features
    monkeypatch.setattr(vector_file_source, 'read_features', spy)
    config = RasterizedSourceConfig(
        vector_source=VectorFileSourceConfig(uris=uri),
        rasterizer_config=RasterizerConfig(background_class_id=2),
    )
    config.update()
    source = config.build(CLASSES, IMAGE, EXTENT)
    assert len(read[0][0]) == 3
    chip = source.get_chip(Box(50, 50, 55, 55))[..., 0]
    assert (chip[:4, :4] != 2).all()
    assert (chip[:, 4] == 2).all()


def test_a_polar_image_finds_what_is_around_the_pole(tmp_path) -> None:
    polar = RasterioCRSTransformer(Affine(1000, 0, -50_000, 0, -1000, 50_000), 'EPSG:3413')
    points = geopandas.GeoSeries(shapely.points([[0, 0], [30_000, 20_000], [-45_000, 45_000]]))
    path = tmp_path / 'points.gpkg'
    points.set_crs('EPSG:3413').to_crs('EPSG:4326').to_file(path)
    assert len(VectorFileSource(str(path), polar, bbox=EXTENT).features) == 3


def test_files_that_lie_elsewhere_are_refused(tmp_path) -> None:
    path = tmp_path / 'labels.gpkg'
    table().iloc[[-1]].to_file(path)
    with pytest.raises(DataError, match=r'labels\.gpkg does not overlap its image') as e:
        assert VectorFileSource(str(path), IMAGE, bbox=EXTENT).features_bbox
    assert '(500400, 4.9996e+06, 500404, 4.9996e+06)' in str(e.value)
    table().to_file(tmp_path / 'more.gpkg')
    both = [str(path), str(tmp_path / 'more.gpkg')]
    assert len(VectorFileSource(both, IMAGE, bbox=EXTENT).features) == 3


def test_an_image_between_the_features_has_none(tmp_path) -> None:
    path = tmp_path / 'labels.gpkg'
    table().iloc[[0, -1]].to_file(path)
    assert len(VectorFileSource(str(path), IMAGE, bbox=EXTENT).get_features()) == 0


def test_the_crs_can_be_given(tmp_path) -> None:
    path = tmp_path / 'labels.csv'
    geoms = table().geometry
    path.write_text('WKT,class_id\n' + ''.join(f'"{geom.wkt}",1\n' for geom in geoms))
    with pytest.raises(DataError, match=r"not longitude and latitude.*crs='EPSG:32645'"):
        VectorFileSource(str(path), IMAGE).get_features()
    with pytest.raises(DataError, match=r'does not overlap its image.*longitude and latitude'):
        assert VectorFileSource(str(path), IMAGE, bbox=EXTENT).features_bbox
    source = VectorFileSource(str(path), IMAGE, bbox=EXTENT, crs='EPSG:32633')
    assert lefts(source) == [0, 50, 98]
    assert source.features.column('class_id') == [1, 1, 1]


def test_pixels_of_an_image_without_georeference(tmp_path) -> None:
    path = tmp_path / 'labels.csv'
    path.write_text('WKT\n' + ''.join(f'"{geom.wkt}"\n' for geom in PIXELS))
    source = VectorFileSource(str(path), IdentityCRSTransformer(), bbox=EXTENT)
    assert lefts(source) == [0, 50, 98]


def test_the_geojson_source_reads_other_formats_rounded_down(uri) -> None:
    source = GeoJSONVectorSource(uri, IMAGE, bbox=EXTENT)
    assert {geom.bounds for geom in source.get_geoms()} >= {(50, 50, 54, 54)}


def test_the_config_builds_the_source(uri) -> None:
    config = VectorFileSourceConfig(
        uris=[uri],
        crs='EPSG:3857',
        transformers=[
            ClassInferenceTransformerConfig(),
            BufferTransformerConfig(geom_type='Point'),
        ],
    )
    source = config.build(CLASSES, IMAGE, EXTENT)
    assert lefts(source) == [0, 50, 98]
    assert Config.from_dict(config.to_dict()) == config


def test_an_unknown_crs_is_refused() -> None:
    with pytest.raises(ConfigError, match="PROJ does not know the CRS 'EPSG:1'"):
        VectorFileSourceConfig(uris='labels.gpkg', crs='EPSG:1')


@pytest.mark.parametrize('suffix', ['geojson', 'gpkg', 'fgb', 'shp', 'parquet'])
def test_labels_of_any_format_that_lie_elsewhere_are_refused(tmp_path, write_tif, suffix) -> None:
    path = tmp_path / f'labels.{suffix}'
    if suffix == 'parquet':
        pytest.importorskip('pyarrow')
        table().iloc[[-1]].to_parquet(path)
    else:
        table().iloc[[-1]].to_file(path)
    image = RasterioSource(write_tif('image.tif', np.zeros((100, 100), dtype=np.uint8)))
    vectors = VectorFileSource(
        str(path), IMAGE, [ClassInferenceTransformer(0)], EXTENT, crs='EPSG:32633'
    )
    raster = RasterizedSource(vectors, 2, EXTENT)  # as an image, it is all background
    assert (raster.get_chip(EXTENT) == 2).all()
    labels = SemanticSegmentationLabelSource(raster, CLASSES)
    with pytest.raises(DataError, match='not overlap') as e:
        Scene('s', image, labels)
    if suffix != 'geojson':  # the image, without margin
        assert '(500000, 4.9999e+06, 500100, 5e+06)' in str(e.value)


def test_pixels_that_lie_elsewhere_are_called_pixels(tmp_path) -> None:
    path = tmp_path / 'labels.csv'
    path.write_text(f'WKT\n"{PIXELS[-1].wkt}"\n')
    source = VectorFileSource(str(path), IdentityCRSTransformer(), bbox=EXTENT)
    with pytest.raises(DataError, match=r'image in \(0, 0, 100, 100\) \(.*; pixels\)'):
        assert source.features_bbox

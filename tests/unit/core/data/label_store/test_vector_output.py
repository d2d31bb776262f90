"""The files of polygons: their names, and what is in them."""

import json
import sys

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Transformer

from rastervision.core.box import Box
from rastervision.core.data import (
    BuildingVectorOutputConfig,
    ClassConfig,
    IdentityCRSTransformer,
    PolygonVectorOutputConfig,
    RasterioCRSTransformer,
)
from rastervision.core.data.label_store.vector_output import PolygonWriter
from rastervision.core.data.utils.vector_io import read_features, to_pixels
from rastervision.core.data.utils.vector_writing import SUFFIXES
from rastervision.core.data.utils.vectorization import PolygonVectorizer
from rastervision.pipeline.errors import ConfigError


@pytest.mark.parametrize(
    ('class_name', 'file_name'),
    [
        ('house', 'class-1-house.json'),
        ('größeres Haus', 'class-1-größeres Haus.json'),
        ('road/path', 'class-1-road_path.json'),
        ('../../evil', 'class-1-.._.._evil.json'),
        ('a\\b:c\n', 'class-1-a_b_c_.json'),
    ],
)
def test_class_names_become_file_names(class_name, file_name):
    classes = ClassConfig(names=['other', class_name])
    assert PolygonVectorOutputConfig(class_id=1).file_name(classes) == file_name


@pytest.mark.parametrize(('file_format', 'suffix'), SUFFIXES.items())
def test_formats_have_their_suffixes(file_format, suffix):
    output = PolygonVectorOutputConfig(class_id=0, file_format=file_format)
    assert output.file_name(ClassConfig(names=['a'])) == f'class-0-a{suffix}'


def test_parquet_without_pyarrow_is_refused_before_the_work(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    with pytest.raises(ConfigError, match=r'pip install "rastervision\[parquet\]"'):
        PolygonVectorOutputConfig(class_id=0, file_format='parquet').validate_config()
    PolygonVectorOutputConfig(class_id=0).validate_config()


# ---- what polygons are written


def written(config, mask, tmp_path):
    """Polygons in pixels that a config makes of a mask."""
    path = tmp_path / 'polygons.json'
    vectorizer = config.build(mask.shape[1])
    crs, simplify = IdentityCRSTransformer(), config.simplify
    with PolygonWriter(str(path), vectorizer, crs, None, {}, simplify) as writer:
        for rows in np.array_split(mask, 3):
            writer.add(rows)
    features = json.loads(path.read_text(encoding='utf-8'))['features']
    return [shapely.geometry.shape(feature['geometry']) for feature in features]


@pytest.fixture
def mask():
    """Blobs of many sizes, with holes."""
    rng = np.random.default_rng(0)
    noise = rng.random((15, 20)).repeat(8, 0).repeat(8, 1) + 0.3 * rng.random((120, 160))
    return noise > 0.75


def test_small_polygons_are_left_out(mask, tmp_path):
    every = written(PolygonVectorOutputConfig(class_id=0, denoise=0), mask, tmp_path)
    assert any(polygon.area < 40 for polygon in every)
    config = PolygonVectorOutputConfig(class_id=0, denoise=0, min_area=40)
    assert written(config, mask, tmp_path) == [p for p in every if p.area >= 40]


@pytest.mark.parametrize('kind', [PolygonVectorOutputConfig, BuildingVectorOutputConfig])
@pytest.mark.parametrize('tolerance', [0.8, 3])
def test_simplified_outlines_stay_near(kind, tolerance, mask, tmp_path):
    exact = written(kind(class_id=0, denoise=3), mask, tmp_path)
    simple = written(kind(class_id=0, denoise=3, simplify=tolerance), mask, tmp_path)
    assert len(simple) == len(exact)
    assert all(polygon.is_valid for polygon in simple)
    assert shapely.get_num_coordinates(simple).sum() < shapely.get_num_coordinates(exact).sum()
    for before, after in zip(exact, simple, strict=True):
        assert len(before.interiors) == len(after.interiors)
        assert after.boundary.hausdorff_distance(before.boundary) <= 2 * tolerance


@pytest.mark.parametrize('file_format', SUFFIXES)
@pytest.mark.parametrize('crs', ['wgs84', 'image'])
def test_polygons_are_in_the_crs_asked_for(mask, tmp_path, file_format, crs):
    if file_format == 'parquet':
        pytest.importorskip('pyarrow')
    transformer = RasterioCRSTransformer(Affine(2, 0, 5e5, 0, -2, 5e6), 'EPSG:32633')
    config = PolygonVectorOutputConfig(class_id=0, file_format=file_format, crs=crs)
    path = str(tmp_path / config.file_name(ClassConfig(names=['a'])))
    writer = PolygonWriter(
        path,
        config.build(mask.shape[1]),
        transformer,
        Box(10, 20, 130, 180),
        {'class_id': 0, 'class_name': 'a'},
        file_format=config.file_format,
        crs=config.crs,
    )
    with writer:
        writer.add(mask)
    features, found = read_features(path)
    assert features.column('class_name') == ['a'] * len(features)
    assert crs == 'wgs84' or found == 'EPSG:32633'
    placed = to_pixels(features, found, transformer, 'none')
    on_mask = shapely.transform(placed.geoms, lambda xy: xy - (20, 10))
    expected = written(PolygonVectorOutputConfig(class_id=0), mask, tmp_path)
    assert len(on_mask) == len(expected)
    assert shapely.equals_exact(on_mask, expected, tolerance=1e-3).all()


# ---- across the antimeridian


def write_square(path, transformer, **kwargs) -> None:
    mask = np.zeros((100, 100), dtype=bool)
    mask[40:60, 30:80] = True
    with PolygonWriter(
        str(path), PolygonVectorizer(100), transformer, None, {}, **kwargs
    ) as writer:
        writer.add(mask)


def test_polygons_are_cut_at_the_antimeridian(tmp_path) -> None:
    path = tmp_path / 'out.json'
    x, y = Transformer.from_crs(4326, 32601, always_xy=True).transform(180, 16)
    image = RasterioCRSTransformer(Affine(10, 0, x - 500, 0, -10, y + 500), 'EPSG:32601')
    write_square(path, image)
    (feature,) = json.loads(path.read_text())['features']
    geometry = shapely.geometry.shape(feature['geometry'])
    assert geometry.geom_type == 'MultiPolygon'
    west, east = sorted(geometry.geoms, key=lambda part: part.bounds[0])
    assert (west.bounds[0], east.bounds[2]) == (-180, 180)
    assert max(part.bounds[2] - part.bounds[0] for part in geometry.geoms) < 0.01
    features, crs = read_features(str(path))
    united = shapely.union_all(to_pixels(features, crs, image, 'none').geoms, grid_size=1e-3)
    assert united.symmetric_difference(shapely.box(30, 40, 80, 60)).area < 1
    write_square(path, image, crs='image')
    assert len(read_features(str(path))[0]) == 1


def test_a_polygon_around_the_pole_goes_up_to_it(tmp_path) -> None:
    image = RasterioCRSTransformer(Affine(1000, 0, -50_000, 0, -1000, 50_000), 'EPSG:3413')
    write_square(tmp_path / 'out.json', image)
    features, _ = read_features(str(tmp_path / 'out.json'))
    xmin, ymin, xmax, ymax = shapely.total_bounds(features.geoms)
    assert (xmin, xmax, ymax) == (-180, 180, 90)
    assert ymin == pytest.approx(90 - np.hypot(30, 10) / 111.7 * 1.03, abs=0.03)


@pytest.mark.parametrize('crs', ['EPSG:4326', 'EPSG:3857'])
def test_wide_polygons_of_the_whole_earth_stay(tmp_path, crs) -> None:
    size = 3.6 if crs == 'EPSG:4326' else 400_750.0
    image = RasterioCRSTransformer(Affine(size, 0, -50 * size, 0, -size / 3, 16 * size), crs)
    mask = np.zeros((100, 100), dtype=bool)
    mask[40:60, 10:90] = True
    path = tmp_path / 'out.json'
    with PolygonWriter(str(path), PolygonVectorizer(100), image, None, {}) as writer:
        writer.add(mask)
    (polygon,) = read_features(str(path))[0].geoms
    assert polygon.bounds[2] - polygon.bounds[0] == pytest.approx(288, abs=1)

"""The files of polygons: their names, and what is in them."""

import json
import sys

import numpy as np
import pytest
import shapely
from affine import Affine

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
